//! Passwords come from the terminal, unseen, or from stdin; never from the command line, which others can read.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use anyhow::{Context, Result, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Asks twice where somebody types; takes the first line where nobody does.
pub fn read_new(name: &str) -> Result<String> {
    if !stdin().is_terminal() {
        return line();
    }
    let password = unseen(&format!("new password of {name}: "))?;
    if unseen("again: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}

fn unseen(prompt: &str) -> Result<String> {
    let no_terminal = "the terminal can't hide what is typed; give the password on stdin";
    eprint!("{prompt}");
    stderr().flush().ok();
    let shown = tcgetattr(stdin()).context(no_terminal)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(stdin(), OptionalActions::Now, &hidden).context(no_terminal)?;
    let typed = line();
    tcsetattr(stdin(), OptionalActions::Now, &shown).context("the terminal stays silent; type `reset`")?;
    eprintln!();
    typed
}

fn line() -> Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("the password can't be read from stdin")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
