//! The shell of our pages: one file that works offline, with its data, style and scripts inside.
//!
//! Everything that varies is one JSON block in which `<` is escaped, so that no name can end the script element; the
//! page's scripts only ever make text of it, and a content security policy forbids loading anything.

use std::io::Write;

use serde_json::Value;

use crate::ExportError;

const FORMAT: &str = "page";
const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const BASE: &str = include_str!("base.js");

/// A page of figures.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What the window is called; no markup.
    pub title: &'a str,
    /// Name of the file beside it that holds the same figures.
    pub json_name: &'a str,
    /// What the scripts find in `page`.
    pub data: &'a Value,
    /// Run in order behind `base.js`, which makes elements, tooltips and texts of numbers.
    pub scripts: &'a [&'a str],
}

/// Writes a page.
///
/// # Errors
/// [`ExportError::Write`] if the sink fails.
pub fn write_page(page: &Page<'_>, mut sink: impl Write) -> Result<(), ExportError> {
    let data = page.data.to_string().replace('<', "\\u003c");
    let (before_title, rest) = split(PAGE, "{{TITLE}}");
    let (before_style, rest) = split(rest, "{{STYLE}}");
    let (before_json_name, rest) = split(rest, "{{JSON}}");
    let (before_data, rest) = split(rest, "{{DATA}}");
    let (before_script, after) = split(rest, "{{SCRIPT}}");
    let scripts = page.scripts.concat();
    let head = [before_title, page.title, before_style, STYLE, before_json_name, page.json_name];
    let body = [before_data, &data, before_script, BASE, &scripts, after];
    let written = head.into_iter().chain(body).try_for_each(|part| sink.write_all(part.as_bytes()));
    written.and_then(|()| sink.flush()).map_err(ExportError::write(FORMAT))
}

fn split<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_once(mark).unwrap_or((text, ""))
}
