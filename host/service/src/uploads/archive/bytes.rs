//! Little-endian numbers of ZIP records (APPNOTE 6.3.10, section 4.1.2).

/// A record whose length is known to cover what is read from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a>(pub &'a [u8]);

impl Record<'_> {
    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from(self.u16(at)) | u32::from(self.u16(at + 2)) << 16
    }

    pub(super) fn u64(self, at: usize) -> u64 {
        u64::from(self.u32(at)) | u64::from(self.u32(at + 4)) << 32
    }
}

/// The extra field of 64-bit sizes (section 4.5.3).
pub(super) const ZIP64: u16 = 0x0001;

/// The content of an extra field (section 4.5.1); `None` if there is none, or if the fields don't fill their room.
pub(super) fn extra_field(extra: &[u8], id: u16) -> Option<&[u8]> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (head, size) = (Record(rest).u16(0), usize::from(Record(rest).u16(2)));
        let content = rest.get(4..4 + size)?;
        if head == id {
            return Some(content);
        }
        rest = &rest[4 + size..];
    }
    None
}

/// Sizes and place of a file whose 32-bit fields may say that an extra field has them (in this order: section 4.5.3).
pub(super) fn widen<const N: usize>(narrow: [u32; N], extra: &[u8]) -> Option<[u64; N]> {
    let wide = extra_field(extra, ZIP64).unwrap_or_default();
    let mut at = 0;
    let mut values = narrow.map(u64::from);
    for value in values.iter_mut().filter(|value| **value == u64::from(u32::MAX)) {
        wide.get(at..at + 8)?;
        *value = Record(wide).u64(at);
        at += 8;
    }
    Some(values)
}
