//! Unpacks one image of a ZIP; its bytes are counted as they come, whatever the headers said.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};

use flate2::bufread::DeflateDecoder;

use super::{Archive, Packed, STORED};
use crate::error::{Result, ServiceError};
use crate::uploads::refusal::{Refusal, RefusalCode};

const CHUNK_BYTES: usize = 64 << 10;

impl Archive {
    /// Unpacks an image.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if size or checksum are not as told, [`ServiceError::Io`] of the archive or `out`.
    pub fn unpack(&self, image: &Packed, out: &mut impl Write) -> Result<()> {
        let Packed { entry, starts_at } = image;
        let failed = |error| ServiceError::io("read", &self.path)(error);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(*starts_at)).map_err(failed)?;
        let packed = BufReader::with_capacity(CHUNK_BYTES, file.take(entry.packed_bytes));
        let refused =
            |what: &str| ServiceError::from(Refusal::of_entry(RefusalCode::ArchiveDamaged, &entry.name, what));
        let mut counted =
            Counted { out, num_bytes: 0, max_bytes: entry.unpacked_bytes, crc32: crc32fast::Hasher::new() };
        let (copied, num_used) = if entry.method == STORED {
            let mut packed = packed;
            (counted.take_all(&mut packed), entry.packed_bytes)
        } else {
            let mut inflated = DeflateDecoder::new(packed);
            (counted.take_all(&mut inflated), inflated.total_in())
        };
        match copied {
            Err(Failure::TooLong) => return Err(refused("unpacks to more bytes than the ZIP says")),
            Err(Failure::Read(error)) if is_damage(&error) => return Err(refused("can't be unpacked")),
            Err(Failure::Read(error)) => return Err(failed(error)),
            Err(Failure::Write(error)) => return Err(ServiceError::io("write what is unpacked of", &self.path)(error)),
            Ok(()) => {}
        }
        if counted.num_bytes != entry.unpacked_bytes || num_used != entry.packed_bytes {
            return Err(refused("unpacks to fewer bytes than the ZIP says"));
        }
        if counted.crc32.finalize() != entry.crc32 {
            return Err(refused("has another checksum than the ZIP says"));
        }
        Ok(())
    }
}

struct Counted<'a, W> {
    out: &'a mut W,
    num_bytes: u64,
    max_bytes: u64,
    crc32: crc32fast::Hasher,
}

enum Failure {
    Read(io::Error),
    Write(io::Error),
    TooLong,
}

impl<W: Write> Counted<'_, W> {
    fn take_all(&mut self, source: &mut impl Read) -> Result<(), Failure> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match source.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Read(error)),
            };
            self.num_bytes += length as u64;
            if self.num_bytes > self.max_bytes {
                return Err(Failure::TooLong);
            }
            self.crc32.update(&chunk[..length]);
            self.out.write_all(&chunk[..length]).map_err(Failure::Write)?;
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof)
}
