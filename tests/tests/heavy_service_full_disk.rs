//! A disk that is full while a job runs: the job fails with `disk_full`, the server stays up, and once there is room again the
//! next job succeeds, and so does the one that failed when it is tried again.

use scene3d_tests::service_bench::{REAL_CONFIG, ServiceBench, begins};
use scene3d_tests::small_disk::SmallDisk;
use scene3d_tests::{DUMMY_CONFIG, has_weights};
use serde_json::json;

/// Jobs on a disk that has so much room left; how many of them failed.
fn num_failed(bench: &ServiceBench, disk: &SmallDisk, config: &str, rooms_kib: &[usize]) -> usize {
    let runs_out = |kib: &&usize| {
        disk.fill_but(**kib << 10);
        let id = bench.start_job(config);
        let job = bench.client.ended_job(&id);
        assert_eq!(bench.server.anonymous().get("/healthz").status, 200);
        if job["state"] == "succeeded" {
            disk.free();
            return false;
        }
        let failure = bench.check_fails(&id, "disk_full")["failure"].clone();
        println!("{kib} KiB: {} {}: {}", failure["stage"], failure["plugin"], failure["message"]);
        assert_eq!(failure["transient"], false, "trying again at once would not help: {failure:#}");
        disk.free();
        bench.check_succeeds(config);
        let retry = bench.client.post(&format!("/api/v1/jobs/{id}/retry"), &json!({})).expect_status(202).json();
        bench.check_ends_well(retry["id"].as_str().unwrap());
        true
    };
    rooms_kib.iter().filter(runs_out).count()
}

/// Photos, work folders and results on a small disk, the database elsewhere.
fn bench_on(disk: &SmallDisk, database: &tempfile::TempDir) -> ServiceBench {
    let (data, database) = (disk.path().join("data"), database.path().join("service.sqlite3"));
    ServiceBench::start(&format!(
        "storage.data_dir = {data:?}\nstorage.database_url = \"sqlite://{}?mode=rwc\"",
        database.display()
    ))
}

#[test]
fn a_job_fails_wherever_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let database = tempfile::tempdir().unwrap();
    let bench = bench_on(&disk, &database);
    assert!(num_failed(&bench, &disk, DUMMY_CONFIG, &[0, 8, 64, 256, 512, 1024]) >= 2);
}

#[test]
fn a_real_job_fails_wherever_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount(256) else { return };
    if !has_weights() {
        return;
    }
    let database = tempfile::tempdir().unwrap();
    let bench = bench_on(&disk, &database);
    assert!(num_failed(&bench, &disk, REAL_CONFIG, &[1024, 3072, 3584, 4096, 5120, 6144, 8192]) >= 4);
}

/// Nothing can be written down either: the job ends once there is room.
#[test]
fn a_database_on_the_full_disk_loses_nothing() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    if !has_weights() {
        return;
    }
    let bench = ServiceBench::start(&format!("storage.data_dir = {:?}", disk.path().join("data")));
    let id = bench.start_job(REAL_CONFIG);
    bench.wait_for(&id, begins("extract"));
    disk.fill_but(0);
    let request = json!({ "upload_id": bench.upload, "config": "dummy" });
    let refused = (0..200).map(|_| bench.client.post("/api/v1/jobs", &request)).find(|answer| answer.status != 202);
    let _ = refused.unwrap().expect_problem(507, "disk_full");
    assert_eq!(bench.server.anonymous().get("/healthz").status, 200);
    disk.free();
    let job = bench.client.ended_job(&id);
    println!("{}: {}", job["state"], job["failure"]);
    if job["state"] != "succeeded" {
        let _ = bench.check_fails(&id, "disk_full");
    }
    bench.check_succeeds(REAL_CONFIG);
}
