//! Counts of passed, failed and skipped tests, from the summary lines of nextest and rustdoc.

use std::fmt::{self, Display};
use std::ops::Add;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    num_passed: u64,
    num_failed: u64,
    num_skipped: u64,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            num_passed: self.num_passed + other.num_passed,
            num_failed: self.num_failed + other.num_failed,
            num_skipped: self.num_skipped + other.num_skipped,
        }
    }
}

impl Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { num_passed, num_failed, num_skipped } = self;
        write!(formatter, "{num_passed} passed, {num_failed} failed, {num_skipped} skipped")
    }
}

/// `Summary [ 1.2s] 12 tests run: 10 passed (1 slow), 2 failed, 3 skipped`
pub fn of_nextest_line(line: &str) -> Option<Counts> {
    let line = without_colour(line);
    let (_, counts) = line.trim_start().strip_prefix("Summary [")?.split_once(" run: ")?;
    let failed = ["failed", "timed out", "exec failed"].iter().map(|word| count(counts, ',', word)).sum();
    Some(Counts {
        num_passed: count(counts, ',', "passed"),
        num_failed: failed,
        num_skipped: count(counts, ',', "skipped"),
    })
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`
pub fn of_doctest_line(line: &str) -> Option<Counts> {
    let line = without_colour(line);
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let [num_passed, num_failed, num_skipped] = ["passed", "failed", "ignored"].map(|word| count(counts, ';', word));
    Some(Counts { num_passed, num_failed, num_skipped })
}

/// The number before `word` in `10 passed (1 slow), 2 failed`.
fn count(counts: &str, separator: char, word: &str) -> u64 {
    let number_of = |part: &str| {
        let (number, rest) = part.trim().split_once(' ')?;
        let is_word = rest == word || rest.strip_prefix(word).is_some_and(|rest| rest.starts_with(" ("));
        is_word.then(|| number.parse().ok())?
    };
    counts.split(separator).find_map(number_of).unwrap_or(0)
}

/// Drops `ESC [ .. m`.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let mut text = parts.next().unwrap_or("").to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(num_passed: u64, num_failed: u64, num_skipped: u64) -> Counts {
        Counts { num_passed, num_failed, num_skipped }
    }

    #[test]
    fn nextest_summaries_are_read_with_and_without_colour() {
        let plain = "     Summary [   1.204s] 14 tests run: 10 passed (1 slow), 2 failed, 2 timed out, 3 skipped";
        assert_eq!(of_nextest_line(plain), Some(counts(10, 4, 3)));
        let coloured = "\x1b[32;1m     Summary\x1b[0m [   0.1s] \x1b[1m2\x1b[0m tests run: \x1b[1m2\x1b[0m \x1b[32;1mpassed\x1b[0m, \x1b[1m0\x1b[0m skipped";
        assert_eq!(of_nextest_line(coloured), Some(counts(2, 0, 0)));
        assert_eq!(of_nextest_line("        PASS [   0.1s] scene3d rigid3"), None);
    }

    #[test]
    fn doc_test_results_add_up() {
        let ok = of_doctest_line(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        let failed = of_doctest_line("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        let total = ok.unwrap() + failed.unwrap();
        assert_eq!(total.to_string(), "4 passed, 2 failed, 1 skipped");
    }
}
