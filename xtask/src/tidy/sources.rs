//! The text files of the checkout that git tracks or would track.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// Written by programs, to be read by none but programs.
const GENERATED: &str = "frontend/src/api/generated/";

/// Paths below the checkout, `/`-separated, and their text; files that are no text have none.
#[derive(Debug, Default)]
pub struct Sources {
    texts: BTreeMap<String, Option<String>>,
}

impl Sources {
    /// Of the working tree.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let mut list = Command::new("git");
        list.current_dir(&workspace.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let paths = command::read(&mut list).context("tidy asks git which files are part of the checkout")?;
        let existing = paths.split('\0').filter(|path| workspace.root.join(path).is_file());
        let texts = existing.map(|path| (path.to_owned(), fs::read_to_string(workspace.root.join(path)).ok()));
        Ok(Self { texts: texts.collect() })
    }

    /// For tests of the checks.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self { texts: files.iter().map(|(path, text)| ((*path).into(), Some((*text).into()))).collect() }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// A text file's content.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path)?.as_deref()
    }

    /// Whether it is a file of the checkout, or a folder with one.
    pub fn exists(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        let below = || self.texts.range(inside.clone()..).next().is_some_and(|(file, _)| file.starts_with(&inside));
        path.is_empty() || self.texts.contains_key(path) || below()
    }

    /// Text files whose name ends in one of these, in order of path.
    pub fn with_extension<'a>(&'a self, extensions: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_one = |path: &str| {
            !path.starts_with(GENERATED)
                && path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
        };
        self.texts
            .iter()
            .filter_map(move |(path, text)| Some((path.as_str(), text.as_deref()?)).filter(|_| is_one(path)))
    }
}
