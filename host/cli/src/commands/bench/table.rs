//! The figures as aligned tables for a terminal; `*` marks the best of a column.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::figures::{BenchReport, CombinationRow, ExtractFigures, MatchFigures, Outcome, ReconstructFigures};

const MIB: f64 = 1_048_576.0;

/// Which values of a column are better.
#[derive(Clone, Copy, PartialEq)]
enum Better {
    Lower,
    Higher,
    /// Neither: more keypoints are not better ones.
    Neither,
}

/// How many digits behind the point a column has.
#[derive(Clone, Copy)]
enum Digits {
    Fixed(usize),
    /// As many as its smallest value needs to show three that count, at least one.
    Significant,
}

/// A column of figures.
struct Column<T> {
    title: &'static str,
    better: Better,
    digits: Digits,
    value: fn(&T) -> Option<f64>,
}

const fn column<T>(title: &'static str, better: Better, digits: usize, value: fn(&T) -> Option<f64>) -> Column<T> {
    Column { title, better, digits: Digits::Fixed(digits), value }
}

/// Times differ by powers of ten between plugins.
const fn time_column<T>(title: &'static str, value: fn(&T) -> Option<f64>) -> Column<T> {
    Column { title, better: Better::Lower, digits: Digits::Significant, value }
}

fn extract_columns() -> Vec<Column<ExtractFigures>> {
    vec![
        time_column("ms/image p50", |f| Some(f.image_ms.p50)),
        time_column("p95", |f| Some(f.image_ms.p95)),
        column("images/s", Better::Higher, 2, |f| Some(f.images_per_sec)),
        column("keypoints/image", Better::Neither, 0, |f| Some(f.keypoints_per_image)),
        column("peak MiB", Better::Lower, 0, |f| f.resources.peak_resident_bytes.map(in_mib)),
        column("device MiB", Better::Lower, 0, |f| f.resources.peak_device_bytes.map(in_mib)),
        column("J/image", Better::Lower, 2, |f| f.resources.joules),
    ]
}

fn match_columns() -> Vec<Column<MatchFigures>> {
    vec![
        time_column("prepare ms/image", |f| Some(f.prepare_ms.p50)),
        time_column("ms/pair p50", |f| Some(f.pair_ms.p50)),
        time_column("p95", |f| Some(f.pair_ms.p95)),
        column("pairs/s", Better::Higher, 2, |f| Some(f.pairs_per_sec)),
        column("matches/pair", Better::Neither, 0, |f| Some(f.matches_per_pair)),
        column("peak MiB", Better::Lower, 0, |f| f.resources.peak_resident_bytes.map(in_mib)),
        column("device MiB", Better::Lower, 0, |f| f.resources.peak_device_bytes.map(in_mib)),
        column("J/pair", Better::Lower, 2, |f| f.resources.joules),
    ]
}

fn reconstruct_columns() -> Vec<Column<ReconstructFigures>> {
    vec![
        column("registered", Better::Higher, 0, |f| Some(f.num_registered as f64)),
        column("of", Better::Neither, 0, |f| Some(f.num_images as f64)),
        column("AUC@1 %", Better::Higher, 1, |f| Some(f.auc_percent[0])),
        column("AUC@3 %", Better::Higher, 1, |f| Some(f.auc_percent[1])),
        column("AUC@5 %", Better::Higher, 1, |f| Some(f.auc_percent[2])),
        column("centre error rms", Better::Lower, 5, |f| f.center_error_rms),
        time_column("total s", |f| Some(f.total_secs)),
        column("peak MiB", Better::Lower, 0, |f| f.peak_resident_bytes.map(in_mib)),
    ]
}

fn in_mib(bytes: u64) -> f64 {
    bytes as f64 / MIB
}

/// All tables, and why figures of the GPU are missing.
pub fn of(report: &BenchReport) -> String {
    let extractors = report.extractors.iter().map(|row| (row.extractor.clone(), &row.outcome));
    let name = |row: &CombinationRow| format!("{}+{}", row.extractor, row.matcher);
    let combinations = report.combinations.iter().map(|row| (name(row), &row.matching));
    let runs = report.combinations.iter().filter_map(|row| Some((name(row), row.reconstruction.as_ref()?)));
    let parts = [
        table("extractor", &extractors.collect::<Vec<_>>(), &extract_columns()),
        table("extractor+matcher", &combinations.collect::<Vec<_>>(), &match_columns()),
        table("whole run", &runs.collect::<Vec<_>>(), &reconstruct_columns()),
    ];
    let tables: String = parts.into_iter().filter(|part| !part.is_empty()).map(|part| part + "\n").collect();
    let reasons: BTreeSet<&str> = why_no_device_figures(report).collect();
    tables + &reasons.into_iter().map(|reason| format!("GPU memory or energy is n/a: {reason}\n")).collect::<String>()
}

fn why_no_device_figures(report: &BenchReport) -> impl Iterator<Item = &str> {
    let extractors = report.extractors.iter().filter_map(|row| row.outcome.figures()).map(|f| &f.resources);
    let matchers = report.combinations.iter().filter_map(|row| row.matching.figures()).map(|f| &f.resources);
    extractors.chain(matchers).filter_map(|resources| resources.why_no_device_figures.as_deref())
}

fn table<T>(title: &str, rows: &[(String, &Outcome<T>)], columns: &[Column<T>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let columns: Vec<Vec<String>> = columns.iter().map(|column| cells(column, rows)).collect();
    let names: Vec<&str> = std::iter::once(title).chain(rows.iter().map(|(name, _)| name.as_str())).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (line, name) in names.iter().enumerate() {
        write!(text, "{name:name_width$}").ok();
        match line.checked_sub(1).and_then(|row| rows[row].1.why_not()) {
            Some((what, reason)) => write!(text, "  {what}: {}", reason.replace('\n', " ")).ok(),
            None => columns.iter().try_for_each(|cells| write!(text, "  {:>1$}", cells[line], width(cells))).ok(),
        };
        // the mark's place is blank where there is none
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Title and values, each followed by the place of the mark.
fn cells<T>(column: &Column<T>, rows: &[(String, &Outcome<T>)]) -> Vec<String> {
    let values: Vec<Option<f64>> =
        rows.iter().map(|(_, outcome)| outcome.figures().and_then(column.value).filter(|v| v.is_finite())).collect();
    let num_digits = num_digits(column.digits, &values);
    let texts: Vec<Option<String>> =
        values.iter().map(|value| value.map(|value| format!("{value:.num_digits$}"))).collect();
    let best = best(column.better, &texts);
    let marked = |(text, (_, outcome)): (&Option<String>, &(String, &Outcome<T>))| {
        let is_best = best.is_some() && *text == best;
        // a row without any figure says why in their place
        let missing = if outcome.figures().is_some() { "n/a" } else { "" };
        format!("{}{}", text.as_deref().unwrap_or(missing), if is_best { '*' } else { ' ' })
    };
    std::iter::once(format!("{} ", column.title)).chain(texts.iter().zip(rows).map(marked)).collect()
}

fn num_digits(digits: Digits, values: &[Option<f64>]) -> usize {
    let smallest = values.iter().flatten().copied().filter(|value| *value > 0.0).min_by(f64::total_cmp);
    match digits {
        Digits::Fixed(digits) => digits,
        Digits::Significant => (2.0 - smallest.unwrap_or(1.0).log10().floor()).clamp(1.0, 4.0) as usize,
    }
}

/// The best as it is shown, so that figures that look the same are equally good; none where all are.
fn best(better: Better, texts: &[Option<String>]) -> Option<String> {
    let mut shown: Vec<(f64, &String)> =
        texts.iter().flatten().filter_map(|text| Some((text.parse().ok()?, text))).collect();
    shown.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (lowest, highest) = (shown.first()?, shown.last()?);
    match better {
        _ if lowest.0 == highest.0 => None,
        Better::Lower => Some(lowest.1.clone()),
        Better::Higher => Some(highest.1.clone()),
        Better::Neither => None,
    }
}

fn width(cells: &[String]) -> usize {
    cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_marked_and_rows_without_figures_say_why() {
        let columns =
            [column("s", Better::Lower, 1, |f: &f64| Some(*f)), column("n", Better::Neither, 0, |f| Some(*f))];
        let measured = |figures| Outcome::Measured { figures };
        let outcomes = [measured(10.0), measured(2.04), measured(1.96), Outcome::Failed { reason: "it broke".into() }];
        let rows: Vec<_> = ["a", "long", "b", "c"].into_iter().map(str::to_owned).zip(&outcomes).collect();
        let expected = "name     s    n\na     10.0   10\nlong   2.0*   2\nb      2.0*   2\nc     failed: it broke\n";
        assert_eq!(table("name", &rows, &columns), expected);
    }

    #[test]
    fn nothing_is_best_among_equals() {
        let columns = [column("s", Better::Lower, 1, |f: &f64| Some(*f))];
        let outcome = Outcome::Measured { figures: 1.0 };
        let rows = ["a", "b"].map(|name| (name.to_owned(), &outcome));
        assert!(!table("name", &rows, &columns).contains('*'));
    }

    #[test]
    fn short_times_get_more_digits() {
        let digits = |values: &[f64]| {
            num_digits(Digits::Significant, &values.iter().map(|value| Some(*value)).collect::<Vec<_>>())
        };
        assert_eq!(
            [digits(&[812.4]), digits(&[30.0, 5.0]), digits(&[0.02]), digits(&[1e-9]), digits(&[])],
            [1, 2, 4, 4, 2]
        );
    }
}
