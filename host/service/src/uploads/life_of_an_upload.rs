//! Tests: what becomes of uploads, with the real store and folders.

use std::io::{Cursor, Write};
use std::sync::Arc;

use scene3d_monitor::metrics::Metrics;

use super::Uploads;
use super::refusal::RefusalCode;
use super::state::{NotUsedVerdict, UploadDetails, UploadProtocol, UploadState};
use crate::blobs::Blobs;
use crate::clock::{millis, now_ms};
use crate::config::ServiceConfig;
use crate::error::ServiceError;
use crate::store::Store;
use crate::store::uploads::Upload;

struct Bench {
    _folder: tempfile::TempDir,
    uploads: Uploads,
}

impl Bench {
    async fn new(edit: impl FnOnce(&mut ServiceConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServiceConfig::default();
        config.storage.data_dir = folder.path().to_owned();
        edit(&mut config);
        let store = Store::open(&config.storage.database_url()).await.unwrap();
        for user in ["a", "b"] {
            let add = "INSERT INTO users (id, name, password_hash, scopes, webhook_secret, created_at) \
                       VALUES ($1, $1, '', '', '', 0)";
            sqlx::query(add).bind(user).execute(store.reader()).await.unwrap();
        }
        let blobs = Blobs::make(&config.storage.objects_url()).unwrap();
        let metrics = Arc::new(Metrics::new("test").unwrap());
        Self { uploads: Uploads::open(&config, store, blobs, metrics).unwrap(), _folder: folder }
    }

    /// All of its files are here, nobody looked at them.
    async fn received(&self, user: &str, files: &[(&str, &[u8])]) -> Upload {
        let names = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        let details = UploadDetails { files: names, protocol: UploadProtocol::Tus, ..UploadDetails::default() };
        let num_bytes = files.iter().map(|(_, bytes)| bytes.len() as i64).sum();
        let upload = Upload::announced(user, details, Some(num_bytes), 1000);
        self.uploads.store.create_upload(&upload, self.uploads.quotas).await.unwrap();
        let staged = self.uploads.staging.create(&upload.id).await.unwrap();
        for (number, (_, bytes)) in files.iter().enumerate() {
            std::fs::write(staged.file(number), bytes).unwrap();
        }
        let all_here = |upload: &mut Upload| {
            (upload.state, upload.received_bytes) = (UploadState::Checking, num_bytes);
        };
        self.uploads.store.change_upload(&upload.id, UploadState::Receiving, all_here).await.unwrap()
    }

    async fn ingested(&self, user: &str, files: &[(&str, &[u8])]) -> Result<Upload, ServiceError> {
        let upload = self.received(user, files).await;
        let staged = self.uploads.staging.lock(&upload.id).unwrap().unwrap();
        let ingested = self.uploads.ingest(&upload.id, staged).await;
        assert!(!self.uploads.staging.has(&upload.id).unwrap());
        ingested
    }

    async fn check_refused(&self, files: &[(&str, &[u8])], code: RefusalCode, entry: Option<&str>) {
        match self.ingested("a", files).await {
            Err(ServiceError::Refused(refusal)) => {
                assert_eq!((refusal.code, refusal.entry.as_deref()), (code, entry), "{}", refusal.detail);
            }
            other => panic!("{other:?}"),
        }
        let [newest] = &self.uploads.store.uploads_of_user("a", "", 1).await.unwrap()[..] else { panic!() };
        assert_eq!(newest.state, UploadState::Refused);
        assert!(newest.problem.is_some());
    }

    async fn images(&self, upload: &Upload) -> Vec<(String, String)> {
        let images = self.uploads.store.images_of_upload(&upload.id).await.unwrap();
        images.into_iter().map(|image| (image.name, image.sha256)).collect()
    }
}

fn png(shade: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = image::RgbImage::from_pixel(40, 30, image::Rgb([shade, 9, 9]));
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::FileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_zip_becomes_images_and_the_rest_is_named() {
    let bench = Bench::new(|_| {}).await;
    let zip = zipped(&[("p/1.png", &png(1)), ("p/notes.txt", b"x"), ("p/2.jpg", b"no image"), ("p/3.png", &png(3))]);
    let upload = bench.ingested("a", &[("photos.zip", &zip)]).await.unwrap();
    assert_eq!(upload.state, UploadState::Ready);
    let images = bench.images(&upload).await;
    assert_eq!(images.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["p/1.png", "p/3.png"]);
    let not_used: Vec<_> = upload.details.not_used.iter().map(|file| (file.name.as_str(), file.verdict)).collect();
    assert_eq!(not_used, [("p/notes.txt", NotUsedVerdict::Skipped), ("p/2.jpg", NotUsedVerdict::NotDecodable)]);
    let store = &bench.uploads.store;
    let sha256s: Vec<String> = images.into_iter().map(|(_, sha256)| sha256).collect();
    assert!(store.user_has_images("a", &sha256s).await.unwrap());
    assert_eq!(store.images_not_of_user("b", &sha256s).await.unwrap(), sha256s);
    let kept = store.image(&sha256s[0]).await.unwrap().unwrap();
    assert_eq!((kept.width, kept.height, kept.bytes), (40, 30, png(1).len() as i64));
    let file = bench.uploads.blobs.local_path(&kept.object_key()).unwrap();
    assert_eq!(std::fs::read(file).unwrap(), png(1));
}

#[tokio::test]
async fn an_image_is_kept_once_and_as_long_as_somebody_has_it() {
    let bench = Bench::new(|_| {}).await;
    let of_a = bench.ingested("a", &[("x.png", &png(7))]).await.unwrap();
    let of_b = bench.ingested("b", &[("no ending", &png(7)), ("y.png", &png(8))]).await.unwrap();
    let images = bench.images(&of_b).await;
    assert_eq!(images[0].0, "no ending.png");
    assert_eq!(bench.images(&of_a).await[0].1, images[0].1);
    let store = &bench.uploads.store;
    let key = crate::store::images::object_key(&images[0].1);
    assert!(bench.uploads.terminate(&of_a).await.unwrap());
    bench.uploads.remove_unused_images().await.unwrap();
    assert!(!store.user_has_images("a", &[images[0].1.clone()]).await.unwrap());
    assert!(bench.uploads.blobs.exists(&key).await.unwrap());
    assert!(bench.uploads.terminate(&of_b).await.unwrap());
    bench.uploads.remove_unused_images().await.unwrap();
    assert!(store.image(&images[0].1).await.unwrap().is_none());
    assert!(!bench.uploads.blobs.exists(&key).await.unwrap());
    bench.ingested("a", &[("x.png", &png(7))]).await.unwrap();
    assert!(bench.uploads.blobs.exists(&key).await.unwrap());
}

#[tokio::test]
async fn what_can_not_be_taken_is_refused_by_name() {
    let bench = Bench::new(|config| config.uploads.max_image_bytes = 5000).await;
    let inner = zipped(&[("a.png", &png(1))]);
    bench.check_refused(&[("x.png", b"no image")], RefusalCode::NotAnImage, Some("x.png")).await;
    bench.check_refused(&[("x.png", &vec![0; 5001])], RefusalCode::ImageTooLarge, Some("x.png")).await;
    bench.check_refused(&[("x.zip", &zipped(&[("a.txt", b"x")]))], RefusalCode::NoImages, None).await;
    bench.check_refused(&[("x.zip", b"PK\x03\x04")], RefusalCode::ArchiveDamaged, None).await;
    bench.check_refused(&[("a.png", &png(1)), ("x.zip", &inner)], RefusalCode::ArchiveNested, Some("x.zip")).await;
    bench.check_refused(&[("a.png", &png(1)), ("A.png", &png(2))], RefusalCode::DuplicateName, Some("A.png")).await;
    bench.check_refused(&[("../a.png", &png(1))], RefusalCode::UnsafeName, Some("../a.png")).await;
    assert!(bench.uploads.store.images_of_user("a", "", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn quotas_bound_what_is_announced_and_what_is_unpacked() {
    let bench = Bench::new(|config| (config.quotas.max_images, config.quotas.max_bytes) = (2, 100_000)).await;
    let three = zipped(&[("1.png", &png(1)), ("2.png", &png(2)), ("3.png", &png(3))]);
    bench.check_refused(&[("x.zip", &three)], RefusalCode::QuotaExceeded, Some("3.png")).await;
    let large = Upload::announced("a", UploadDetails::default(), Some(100_001), 1000);
    let refused = bench.uploads.store.create_upload(&large, bench.uploads.quotas).await;
    assert!(matches!(refused, Err(ServiceError::Refused(refusal)) if refusal.code == RefusalCode::QuotaExceeded));
    bench.ingested("a", &[("1.png", &png(1)), ("2.png", &png(2))]).await.unwrap();
    bench.ingested("a", &[("again.png", &png(1))]).await.unwrap();
    bench.check_refused(&[("3.png", &png(3))], RefusalCode::QuotaExceeded, Some("3.png")).await;
}

#[tokio::test]
async fn what_a_crash_interrupted_is_ingested_again_and_lost_folders_go() {
    let bench = Bench::new(|_| {}).await;
    let checking = bench.received("a", &[("1.png", &png(1)), ("2.png", &png(2))]).await;
    let store = &bench.uploads.store;
    let row = crate::store::images::Image {
        sha256: "0".repeat(64),
        bytes: 1,
        width: 1,
        height: 1,
        statistics: "{}".to_owned(),
        created_at: 0,
    };
    store.add_upload_image(&checking.id, "1.png", &row).await.unwrap();
    let lost = crate::ids::new_id("upload");
    drop(bench.uploads.staging.create(&lost).await.unwrap());
    bench.uploads.resume().await.unwrap();
    let upload = store.upload(&checking.id).await.unwrap().unwrap();
    assert_eq!((upload.state, bench.images(&upload).await.len()), (UploadState::Ready, 2));
    assert_ne!(bench.images(&upload).await[0].1, row.sha256);
    assert_eq!(bench.uploads.staging.ids().unwrap(), Vec::<String>::new());
    bench.uploads.remove_unused_images().await.unwrap();
    assert!(store.image(&row.sha256).await.unwrap().is_none());
}

#[tokio::test]
async fn an_upload_that_ends_servers_is_refused() {
    let bench = Bench::new(|_| {}).await;
    let upload = bench.received("a", &[("1.png", &png(1))]).await;
    let ended_three = |upload: &mut Upload| upload.details.num_attempts = 3;
    bench.uploads.store.change_upload(&upload.id, UploadState::Checking, ended_three).await.unwrap();
    bench.uploads.resume().await.unwrap();
    let upload = bench.uploads.store.upload(&upload.id).await.unwrap().unwrap();
    assert_eq!(upload.problem.unwrap().code, RefusalCode::CheckFailed);
}

#[tokio::test]
async fn uploads_that_are_not_finished_in_time_expire_with_their_files() {
    let bench = Bench::new(|_| {}).await;
    let details = UploadDetails { protocol: UploadProtocol::Tus, ..UploadDetails::default() };
    let upload = Upload::announced("a", details, Some(10), 1000);
    let store = &bench.uploads.store;
    store.create_upload(&upload, bench.uploads.quotas).await.unwrap();
    let staged = bench.uploads.staging.create(&upload.id).await.unwrap();
    let state = async || store.upload(&upload.id).await.unwrap().map(|upload| upload.state);
    let later = now_ms() + 2000;
    bench.uploads.expire(later).await.unwrap();
    assert_eq!(state().await, Some(UploadState::Receiving), "somebody is sending it");
    drop(staged);
    bench.uploads.expire(later).await.unwrap();
    assert_eq!(state().await, Some(UploadState::Expired));
    assert!(!bench.uploads.staging.has(&upload.id).unwrap());
    bench.uploads.expire(later + millis(std::time::Duration::from_secs(8 * 24 * 3600))).await.unwrap();
    assert_eq!(state().await, None);
}
