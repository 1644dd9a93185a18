//! [`UsageError`]: a command line that clap refuses, or the help that it asks for.

use std::ffi::OsStr;
use std::fmt;

use clap::error::ErrorKind;
use rolesanywhere::text::ShownName;

/// Clap's message, without any word of the command line that may be a secret.
#[derive(Debug)]
pub(crate) struct UsageError {
    text: String,
    is_help: bool,
}

impl UsageError {
    /// Of the words that were parsed.
    pub(crate) fn new<W: AsRef<OsStr>>(error: &clap::Error, words: &[W]) -> Self {
        let text = error.to_string();
        Self {
            text: words
                .iter()
                .fold(text, |text, word| without(text, word.as_ref())),
            is_help: !error.use_stderr()
                || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        }
    }

    /// The text of `--help` or `--version`, if that is what it is.
    pub(crate) fn help(&self) -> Option<&str> {
        self.is_help.then_some(&self.text)
    }

    /// The first line, for a message of one line.
    pub(crate) fn first_line(&self) -> String {
        let text = self.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    }
}

/// Without clap's own prefix, and without its tip to write `--` in front of a flag that does not exist:
/// what follows it is ignored here.
impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.strip_prefix("error: ").unwrap_or(&self.text);
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("tip: to pass"));
        let mut text = String::new();
        for line in lines {
            let is_second_empty_line = line.is_empty() && text.ends_with("\n\n");
            if !is_second_empty_line {
                text.push_str(line);
                text.push('\n');
            }
        }
        f.write_str(text.trim_end())
    }
}

/// `text` with a placeholder for the word, or for what is on either side of its equals sign, if that is
/// not shown: clap takes all that begins with hyphens for a flag.
fn without(text: String, word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let (flag, value) = word.split_once('=').unwrap_or_default();
    [word.as_ref(), value, flag]
        .into_iter()
        .fold(text, |text, part| {
            let shown = ShownName::of(part);
            match shown.is_hidden() {
                true => text.replace(part, &shown.to_string()),
                false => text,
            }
        })
}
