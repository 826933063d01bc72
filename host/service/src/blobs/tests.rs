//! Of a folder; buckets are in `service_objects`.

use super::*;

fn url_of(folder: &Path) -> String {
    Url::from_file_path(folder).unwrap().to_string()
}

async fn read(blobs: &Blobs, range: Option<Range<u64>>) -> Vec<u8> {
    let chunks: Vec<Bytes> = blobs.get_range("a/b", range).await.unwrap().bytes.try_collect().await.unwrap();
    chunks.concat()
}

#[tokio::test]
async fn objects_of_a_folder_are_put_read_in_part_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::make(&url_of(&folder.path().join("objects of mine"))).unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, b"0123456789").unwrap();
    assert!(!blobs.exists("a/b").await.unwrap());
    blobs.put_file("a/b", &source).await.unwrap();
    assert_eq!(blobs.size_bytes("a/b").await.unwrap(), Some(10));
    assert_eq!(std::fs::read(blobs.local_path("a/b").unwrap()).unwrap(), b"0123456789");
    assert_eq!(read(&blobs, None).await, b"0123456789");
    assert_eq!(blobs.get_bytes("a/b").await.unwrap(), b"0123456789");
    assert_eq!(read(&blobs, Some(2..5)).await, b"234");
    assert_eq!(read(&blobs, Some(8..99)).await, b"89");
    let copy = folder.path().join("copy");
    blobs.get_to_file("a/b", &copy).await.unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), b"0123456789");
    blobs.put_bytes("a/b", Bytes::from_static(b"other")).await.unwrap();
    assert_eq!(read(&blobs, None).await, b"other");
    blobs.delete("a/b").await.unwrap();
    blobs.delete("a/b").await.unwrap();
    assert!(!blobs.exists("a/b").await.unwrap());
    assert!(blobs.get_to_file("a/b", &folder.path().join("none")).await.is_err());
    assert!(!folder.path().join("none").exists());
}

#[tokio::test]
async fn a_copy_outlives_what_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::make(&url_of(folder.path())).unwrap();
    blobs.put_bytes("from", Bytes::from_static(b"first")).await.unwrap();
    assert!(blobs.copy("from", "a/b").await.unwrap());
    blobs.put_bytes("from", Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(read(&blobs, None).await, b"first");
    assert!(blobs.copy("from", "a/b").await.unwrap(), "it replaces what is there");
    blobs.delete("from").await.unwrap();
    assert_eq!(read(&blobs, None).await, b"second");
    assert!(!blobs.copy("from", "a/b").await.unwrap());
    assert_eq!(read(&blobs, None).await, b"second");
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert!(blobs.copy("from", "a/b").await.is_err());
}

#[tokio::test]
async fn objects_are_listed_and_removed_below_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::make(&url_of(&folder.path().join("objects"))).unwrap();
    assert_eq!(blobs.list("work/a").await.unwrap(), []);
    blobs.delete_all("work/a").await.unwrap();
    for key in ["work/a/x/2", "work/a/1", "work/ab/3"] {
        blobs.put_bytes(key, Bytes::from_static(b"four")).await.unwrap();
    }
    let found = blobs.list("work/a").await.unwrap();
    assert_eq!(found, [("work/a/1".to_owned(), 4), ("work/a/x/2".to_owned(), 4)]);
    blobs.delete_all("work/a").await.unwrap();
    assert_eq!(blobs.list("work/a").await.unwrap(), []);
    assert!(blobs.exists("work/ab/3").await.unwrap());
    std::fs::rename(folder.path().join("objects"), folder.path().join("away")).unwrap();
    assert!(blobs.list("work/ab").await.is_err() && blobs.delete_all("work/ab").await.is_err());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_and_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("objects");
    let blobs = Blobs::make(&url_of(&root)).unwrap();
    std::fs::rename(&root, folder.path().join("away")).unwrap();
    let source = folder.path().join("source");
    std::fs::write(&source, b"x").unwrap();
    assert!(blobs.exists("a/b").await.is_err() && blobs.delete("a/b").await.is_err());
    assert!(Blobs::open(&url_of(&root)).unwrap().put_file("a/b", &source).await.is_err());
    assert!(!root.exists());
}

#[tokio::test]
async fn keys_lead_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&url_of(folder.path())).unwrap();
    for key in ["../x", "a/../../x", "a//b"] {
        assert!(blobs.get_range(key, None).await.is_err(), "{key}");
        assert_eq!(blobs.local_path(key), None, "{key}");
    }
}

#[test]
fn other_urls_are_refused_by_name() {
    for url in ["objects", "ftp://host/x", "file://host/x"] {
        let message = Blobs::open(url).unwrap_err().to_string();
        assert!(message.contains(url) && message.contains("expected file:///folder or s3://"), "{message}");
    }
}
