//! COLMAP's database: what it is given (cameras, images, keypoints, matches) and what verification left in it.
//!
//! Schema: colmap `src/colmap/scene/database_sqlite.cc` (3.8: `src/base/database.cc`). The engine makes the empty database,
//! so its schema is the engine's; 4.x adds rigs and frames, and every image here is alone in its frame.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use scene3d_sdk::scene::{ImageId, ImagePair, TwoViewConfiguration};
use scene3d_sdk::{MatchGraph, Result, SdkError, VerifiedPair};

use crate::cameras::CameraPriors;

/// Images at most: COLMAP's `kMaxNumImages`, by which pair ids are made.
const MAX_NUM_IMAGES: i64 = 2_147_483_647;
/// COLMAP's `SensorType::CAMERA`.
const SENSOR_CAMERA: i64 = 0;

/// COLMAP's id of a pair: `image_id1 * 2147483647 + image_id2`, the lower id first.
pub(crate) fn pair_id(pair: ImagePair) -> i64 {
    MAX_NUM_IMAGES * i64::from(pair.image1.0) + i64::from(pair.image2.0)
}

fn pair_of_id(pair_id: i64) -> Option<ImagePair> {
    let id = |value: i64| u32::try_from(value).ok().map(ImageId);
    ImagePair::new(id(pair_id / MAX_NUM_IMAGES)?, id(pair_id % MAX_NUM_IMAGES)?).ok()
}

/// What is written: the graph, its cameras, and the images' names in the database.
pub(crate) struct Content<'a> {
    pub(crate) graph: &'a MatchGraph,
    pub(crate) cameras: &'a CameraPriors,
    pub(crate) names: &'a [String],
}

/// Fills an empty database.
pub(crate) fn write(path: &Path, content: &Content<'_>) -> Result<()> {
    let fill = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(path)?;
        // if the machine fails, the database is made again
        connection.pragma_update(None, "synchronous", "OFF")?;
        let transaction = connection.transaction()?;
        write_cameras(&transaction, content)?;
        write_images(&transaction, content)?;
        if has_frames(&transaction)? {
            write_frames(&transaction, content)?;
        }
        write_keypoints(&transaction, content)?;
        write_matches(&transaction, content)?;
        transaction.commit()
    };
    fill().map_err(|error| failed("write", path, &error))
}

/// Takes their geometry from pairs of whose matches a smaller share than this agrees with it.
pub(crate) fn drop_weak_pairs(path: &Path, min_inlier_share: f64) -> Result<()> {
    let drop = || -> rusqlite::Result<usize> {
        let weak = "DELETE FROM two_view_geometries WHERE rows < ?1 * \
                    (SELECT rows FROM matches WHERE matches.pair_id = two_view_geometries.pair_id)";
        Connection::open(path)?.execute(weak, [min_inlier_share])
    };
    drop().map(|_| ()).map_err(|error| failed("write", path, &error))
}

/// What verification found, ordered by pair; pairs without inliers are left out.
pub(crate) fn read_verified_pairs(path: &Path) -> Result<Vec<VerifiedPair>> {
    let read = || -> rusqlite::Result<Vec<(i64, i64, i64)>> {
        let connection = Connection::open(path)?;
        let mut rows = connection
            .prepare("SELECT pair_id, rows, config FROM two_view_geometries WHERE rows > 0 ORDER BY pair_id")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    let verified = |(id, num_inliers, config): (i64, i64, i64)| {
        let num_inliers = usize::try_from(num_inliers).ok()?;
        Some(VerifiedPair { pair: pair_of_id(id)?, configuration: configuration(config), num_inliers })
    };
    let rows = read().map_err(|error| failed("read", path, &error))?;
    Ok(rows.into_iter().filter_map(verified).collect())
}

/// colmap `src/colmap/scene/two_view_geometry.h`: 4 planar, 5 panoramic, 6 either; 7 watermark, 8 multiple.
fn configuration(config: i64) -> TwoViewConfiguration {
    match config {
        0 | 1 => TwoViewConfiguration::Degenerate,
        2 => TwoViewConfiguration::Calibrated,
        3 => TwoViewConfiguration::Uncalibrated,
        4..=6 => TwoViewConfiguration::PlanarOrPanoramic,
        _ => TwoViewConfiguration::Other,
    }
}

fn failed(what: &str, path: &Path, error: &rusqlite::Error) -> SdkError {
    let message = format!("cannot {what} the database {}: {error}", path.display());
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => {
            SdkError::unavailable(message).help("free disk space, or choose another output folder")
        }
        _ => SdkError::internal(message),
    }
}

fn write_cameras(transaction: &Transaction<'_>, content: &Content<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO cameras VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for prior in &content.cameras.cameras {
        let (camera, [width, height]) = (&prior.camera, prior.camera.image_size);
        let blob: Vec<u8> = camera.params.iter().flat_map(|param| param.to_le_bytes()).collect();
        insert.execute(params![
            camera.camera_id.0,
            camera.model.colmap_id(),
            width,
            height,
            blob,
            prior.is_focal_known
        ])?;
    }
    Ok(())
}

fn write_images(transaction: &Transaction<'_>, content: &Content<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO images (image_id, name, camera_id) VALUES (?1, ?2, ?3)")?;
    for ((image, name), camera_id) in content.graph.images.iter().zip(content.names).zip(&content.cameras.camera_ids) {
        insert.execute(params![image.image_id.0, name, camera_id.0])?;
    }
    Ok(())
}

fn has_frames(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'frames'";
    Ok(transaction.query_row(find, [], |_| Ok(())).optional()?.is_some())
}

/// One rig a camera, of which the camera is the reference sensor, and one frame an image.
fn write_frames(transaction: &Transaction<'_>, content: &Content<'_>) -> rusqlite::Result<()> {
    for prior in &content.cameras.cameras {
        let id = prior.camera.camera_id.0;
        transaction.execute("INSERT INTO rigs VALUES (?1, ?1, ?2)", params![id, SENSOR_CAMERA])?;
    }
    let mut frame = transaction.prepare("INSERT INTO frames VALUES (?1, ?2)")?;
    let mut frame_data = transaction.prepare("INSERT INTO frame_data VALUES (?1, ?1, ?2, ?3)")?;
    for (image, camera_id) in content.graph.images.iter().zip(&content.cameras.camera_ids) {
        frame.execute(params![image.image_id.0, camera_id.0])?;
        frame_data.execute(params![image.image_id.0, camera_id.0, SENSOR_CAMERA])?;
    }
    Ok(())
}

fn write_keypoints(transaction: &Transaction<'_>, content: &Content<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO keypoints VALUES (?1, ?2, 2, ?3)")?;
    for (image, keypoints) in content.graph.images.iter().zip(&content.graph.keypoints) {
        let blob: Vec<u8> = keypoints.iter().flatten().flat_map(|px| px.to_le_bytes()).collect();
        insert.execute(params![image.image_id.0, keypoints.len(), blob])?;
    }
    Ok(())
}

fn write_matches(transaction: &Transaction<'_>, content: &Content<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO matches VALUES (?1, ?2, 2, ?3)")?;
    for pair in &content.graph.pairs {
        let indices = &pair.matches.indices;
        let blob: Vec<u8> = indices.iter().flatten().flat_map(|index| index.to_le_bytes()).collect();
        insert.execute(params![pair_id(pair.pair), indices.len(), blob])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cameras::camera_priors;
    use crate::config::ColmapConfig;
    use scene3d_sdk::PairMatches;
    use scene3d_sdk::scene::{ImageInfo, Matches};

    /// The tables this module touches, as `colmap database_creator` 3.8 makes them.
    const SCHEMA_3_8: &str = "
        CREATE TABLE cameras (camera_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, model INTEGER NOT NULL,
            width INTEGER NOT NULL, height INTEGER NOT NULL, params BLOB, prior_focal_length INTEGER NOT NULL);
        CREATE TABLE images (image_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, name TEXT NOT NULL UNIQUE,
            camera_id INTEGER NOT NULL, prior_qw REAL, prior_qx REAL, prior_qy REAL, prior_qz REAL, prior_tx REAL,
            prior_ty REAL, prior_tz REAL, FOREIGN KEY(camera_id) REFERENCES cameras(camera_id));
        CREATE TABLE keypoints (image_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL, cols INTEGER NOT NULL,
            data BLOB, FOREIGN KEY(image_id) REFERENCES images(image_id) ON DELETE CASCADE);
        CREATE TABLE matches (pair_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL, cols INTEGER NOT NULL,
            data BLOB);
        CREATE TABLE two_view_geometries (pair_id INTEGER PRIMARY KEY NOT NULL, rows INTEGER NOT NULL,
            cols INTEGER NOT NULL, data BLOB, config INTEGER NOT NULL, F BLOB, E BLOB, H BLOB, qvec BLOB, tvec BLOB);";
    /// What pycolmap 4.2.1 makes besides; its `images` lacks the priors.
    const SCHEMA_4_2_ADDED: &str = "
        DROP TABLE images;
        CREATE TABLE images (image_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, name TEXT NOT NULL UNIQUE,
            camera_id INTEGER NOT NULL, FOREIGN KEY(camera_id) REFERENCES cameras(camera_id));
        CREATE TABLE rigs (rig_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, ref_sensor_id INTEGER NOT NULL,
            ref_sensor_type INTEGER NOT NULL);
        CREATE UNIQUE INDEX rig_ref_sensor_assignment ON rigs(ref_sensor_id, ref_sensor_type);
        CREATE TABLE frames (frame_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, rig_id INTEGER NOT NULL,
            FOREIGN KEY(rig_id) REFERENCES rigs(rig_id) ON DELETE CASCADE);
        CREATE TABLE frame_data (frame_id INTEGER NOT NULL, data_id INTEGER NOT NULL, sensor_id INTEGER NOT NULL,
            sensor_type INTEGER NOT NULL, FOREIGN KEY(frame_id) REFERENCES frames(frame_id) ON DELETE CASCADE);
        CREATE UNIQUE INDEX frame_sensor_assignment ON frame_data(data_id, sensor_type);";

    fn graph() -> MatchGraph {
        let image = |id: u32, name: &str| ImageInfo {
            image_id: ImageId(id),
            name: name.to_owned(),
            image_size: [640, 480],
            focal_px: None,
            device: None,
        };
        MatchGraph {
            images: vec![image(1, "räum/a b.jpg"), image(2, "new\nline.jpg"), image(3, "c.jpg")],
            keypoints: vec![vec![[0.5, 1.5], [2.0, 3.25]], vec![], vec![[9.0, 9.5]]],
            colors: vec![vec![[0; 3]; 2], vec![], vec![[0; 3]]],
            pairs: vec![PairMatches {
                pair: ImagePair::new(ImageId(3), ImageId(1)).unwrap(),
                matches: Matches { indices: vec![[1, 0]], scores: vec![0.75] },
            }],
            workspace: "work".into(),
        }
    }

    fn check_written(schema: &str) -> Connection {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("database.db");
        Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        let graph = graph();
        let cameras = camera_priors(&graph.images, &ColmapConfig::default()).unwrap();
        let names: Vec<String> = graph.images.iter().map(|image| image.name.clone()).collect();
        write(&path, &Content { graph: &graph, cameras: &cameras, names: &names }).unwrap();

        let connection = Connection::open(&path).unwrap();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        let keypoints: Vec<u8> = [0.5_f32, 1.5, 2.0, 3.25].iter().flat_map(|px| px.to_le_bytes()).collect();
        assert_eq!(one("SELECT data FROM keypoints WHERE image_id = 1 AND rows = 2 AND cols = 2"), keypoints);
        assert_eq!(one("SELECT data FROM keypoints WHERE image_id = 2 AND rows = 0"), [0_u8; 0]);
        let matches = "SELECT data FROM matches WHERE pair_id = 2147483650 AND rows = 1 AND cols = 2";
        assert_eq!(one(matches), [1, 0, 0, 0, 0, 0, 0, 0]);
        let params: Vec<u8> = [768.0_f64, 320.0, 240.0, 0.0].iter().flat_map(|param| param.to_le_bytes()).collect();
        let camera = "SELECT params FROM cameras WHERE camera_id = 1 AND model = 2 AND prior_focal_length = 0";
        assert_eq!(one(camera), params);
        let name = "SELECT CAST(name AS BLOB) FROM images WHERE image_id = 2 AND camera_id = 1";
        assert_eq!(one(name), b"new\nline.jpg");
        connection
    }

    #[test]
    fn a_3_8_database_is_filled() {
        check_written(SCHEMA_3_8);
    }

    #[test]
    fn a_4_x_database_has_a_rig_a_camera_and_a_frame_an_image() {
        let connection = check_written(&format!("{SCHEMA_3_8}{SCHEMA_4_2_ADDED}"));
        let mut rows = connection
            .prepare("SELECT frame_id, rig_id, data_id, sensor_id FROM frames JOIN frame_data USING (frame_id)")
            .unwrap();
        let rows: Vec<[i64; 4]> = rows
            .query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(rows, [[1, 1, 1, 1], [2, 1, 2, 1], [3, 1, 3, 1]]);
    }

    #[test]
    fn pairs_with_a_small_share_of_inliers_lose_their_geometry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("database.db");
        let schema = "CREATE TABLE matches (pair_id, rows); CREATE TABLE two_view_geometries (pair_id, rows, config);";
        let id = |image2| pair_id(ImagePair::new(ImageId(1), ImageId(image2)).unwrap());
        let rows = format!(
            "INSERT INTO matches VALUES ({0}, 100), ({1}, 100); \
             INSERT INTO two_view_geometries VALUES ({0}, 19, 2), ({1}, 20, 2);",
            id(2),
            id(3)
        );
        Connection::open(&path).unwrap().execute_batch(&format!("{schema}{rows}")).unwrap();
        drop_weak_pairs(&path, 0.2).unwrap();
        let kept: Vec<ImagePair> = read_verified_pairs(&path).unwrap().iter().map(|verified| verified.pair).collect();
        assert_eq!(kept, [ImagePair::new(ImageId(1), ImageId(3)).unwrap()]);
    }

    #[test]
    fn pair_ids_are_colmaps() {
        let pair = ImagePair::new(ImageId(9), ImageId(4)).unwrap();
        assert_eq!(pair_id(pair), 4 * 2_147_483_647 + 9);
        assert_eq!(pair_of_id(pair_id(pair)), Some(pair));
        assert_eq!(pair_of_id(-1), None);
    }

    #[test]
    fn a_database_that_cannot_be_opened_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_verified_pairs(&folder.path().join("missing").join("database.db")).unwrap_err();
        assert_eq!(error.code, scene3d_sdk::ErrorCode::UNAVAILABLE);
        assert!(error.message.starts_with("cannot read the database"), "{}", error.message);
    }
}
