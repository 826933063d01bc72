//! The one table from error codes to exit codes, HTTP statuses and metric labels.

use scene3d_abi::ErrorCode;

/// What an error code is called and answered with at the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRow {
    /// The code.
    pub code: ErrorCode,
    /// Metric label and name in JSON.
    pub label: &'static str,
    /// Exit code of the command line, after `sysexits.h` where it has a word for it; 1 and 2 are left to the shell
    /// and to clap.
    pub exit_code: u8,
    /// HTTP status.
    pub http_status: u16,
}

const fn row(code: ErrorCode, label: &'static str, exit_code: u8, http_status: u16) -> CodeRow {
    CodeRow { code, label, exit_code, http_status }
}

/// Every code, in order of its number.
pub const CODE_TABLE: [CodeRow; 11] = [
    row(ErrorCode::INTERNAL, "internal", 70, 500),
    row(ErrorCode::INVALID_CONFIG, "invalid_config", 78, 422),
    row(ErrorCode::INVALID_INPUT, "invalid_input", 65, 422),
    row(ErrorCode::NOT_FOUND, "not_found", 66, 404),
    row(ErrorCode::UNSUPPORTED, "unsupported", 64, 501),
    row(ErrorCode::INCOMPATIBLE, "incompatible", 76, 409),
    row(ErrorCode::UNAVAILABLE, "unavailable", 69, 503),
    row(ErrorCode::OUT_OF_MEMORY, "out_of_memory", 71, 507),
    row(ErrorCode::CANCELLED, "cancelled", 130, 499),
    row(ErrorCode::TIMEOUT, "timeout", 75, 504),
    row(ErrorCode::PANICKED, "panicked", 79, 500),
];

/// The row of a code; a number of a later ABI reads as `INTERNAL`.
#[must_use]
pub fn code_row(code: ErrorCode) -> &'static CodeRow {
    CODE_TABLE.iter().find(|row| row.code == code).unwrap_or(&CODE_TABLE[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_stands_at_its_number_with_a_label_and_exit_code_of_its_own() {
        for (number, row) in CODE_TABLE.iter().enumerate() {
            assert_eq!(row.code, ErrorCode(number as u32));
        }
        assert_eq!(CODE_TABLE.iter().map(|row| row.exit_code).collect::<BTreeSet<_>>().len(), CODE_TABLE.len());
        assert_eq!(CODE_TABLE.iter().map(|row| row.label).collect::<BTreeSet<_>>().len(), CODE_TABLE.len());
    }

    #[test]
    fn an_unknown_code_reads_as_internal() {
        assert_eq!(code_row(ErrorCode(999)).label, "internal");
    }
}
