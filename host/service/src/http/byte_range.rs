//! Which bytes of a file a request asks for (RFC 9110, 14).

use std::ops::Range;

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// All of it: nothing else is asked for, or something that need not be understood.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Beyond,
}

/// Reads the header `Range` for a file of a size. Several ranges at once are answered with the whole file, as is allowed.
#[must_use]
pub fn asked(header: Option<&str>, size_bytes: u64) -> Asked {
    let Some((first, last)) = header.and_then(bounds) else { return Asked::All };
    let range = match (first, last) {
        (Some(first), Some(last)) if last < first => return Asked::All,
        (Some(first), last) => first..last.map_or(size_bytes, |last| last.saturating_add(1).min(size_bytes)),
        (None, Some(num_last)) => size_bytes.saturating_sub(num_last)..size_bytes,
        (None, None) => return Asked::All,
    };
    if range.start < range.end { Asked::Part(range) } else { Asked::Beyond }
}

fn bounds(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let bound = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    Some((bound(first.trim())?, bound(last.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, expected) in [
            (None, Asked::All),
            (Some("bytes=0-0"), Asked::Part(0..1)),
            (Some("bytes=2-5"), Asked::Part(2..6)),
            (Some("bytes=8-99"), Asked::Part(8..10)),
            (Some("bytes=4-"), Asked::Part(4..10)),
            (Some("bytes=-3"), Asked::Part(7..10)),
            (Some("bytes=-99"), Asked::Part(0..10)),
            (Some("bytes=-0"), Asked::Beyond),
            (Some("bytes=10-"), Asked::Beyond),
            (Some("bytes=5-2"), Asked::All),
            (Some("bytes=0-1,4-5"), Asked::All),
            (Some("bytes=-"), Asked::All),
            (Some("lines=1-2"), Asked::All),
        ] {
            assert_eq!(asked(header, 10), expected, "{header:?}");
        }
        assert_eq!(asked(Some("bytes=0-"), 0), Asked::Beyond);
    }
}
