//! [`quoted`]: words as a command line in the config file, which each SDK splits into the same words.

use std::fmt;

/// The words as one line: for botocore, which splits as Python's `shlex` or Windows do, and for the SDKs that
/// start a shell. `is_windows` says for which system.
pub fn quoted(words: &[String], is_windows: bool) -> Result<String, CommandLineError> {
    let quote = match is_windows {
        true => windows,
        false => posix,
    };
    let mut line = String::new();
    for word in words {
        let refuse = |what| CommandLineError {
            word: word.clone(),
            what,
        };
        if word.contains(char::is_control) {
            return Err(refuse("a control character"));
        }
        // From there on, some SDKs take a value for a comment.
        if word.contains(" #") || word.contains(" ;") {
            return Err(refuse("a comment of the config file"));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        quote(&mut line, word).map_err(refuse)?;
    }
    Ok(line)
}

/// Single quotes hide everything but themselves. A slash in front stays outside of them: Go takes away the
/// quotes around a value.
fn posix(line: &mut String, word: &str) -> Result<(), &'static str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        line.push_str(word);
        return Ok(());
    }
    let rest = match word.strip_prefix('/').filter(|_| line.is_empty()) {
        Some(rest) => {
            line.push('/');
            rest
        }
        None => word,
    };
    line.push('\'');
    line.push_str(&rest.replace('\'', r"'\''"));
    line.push('\'');
    Ok(())
}

/// Double quotes, as the C library of Windows reads them. cmd.exe puts in variables within them too.
fn windows(line: &mut String, word: &str) -> Result<(), &'static str> {
    if word.contains(['"', '%']) {
        return Err("a quote or a percent sign");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@+:./\\-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        line.push_str(word);
        return Ok(());
    }
    line.push('"');
    line.push_str(word);
    // A backslash in front of a quote would hide it.
    let backslashes = word.len() - word.trim_end_matches('\\').len();
    line.push_str(&"\\".repeat(backslashes));
    line.push('"');
    Ok(())
}

/// A word that cannot stand in the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLineError {
    /// The word.
    pub word: String,
    /// What it holds.
    pub what: &'static str,
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { word, what } = self;
        let word = crate::text::ShownName::of(word);
        write!(f, "{word} cannot stand in the config file: it holds {what}")
    }
}

impl std::error::Error for CommandLineError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str], is_windows: bool) -> Result<String, CommandLineError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        quoted(&words, is_windows)
    }

    #[test]
    fn posix_words_are_quoted_where_they_need_it() {
        for (words, expected) in [
            (
                &["/a/b", "--c", "arn:aws:x::1:y/z"][..],
                "/a/b --c arn:aws:x::1:y/z",
            ),
            (&["/a b/c", "d e"], "/'a b/c' 'd e'"),
            (
                &["./a", "it's", "", "$x`\\\"!*"],
                r#"./a 'it'\''s' '' '$x`\"!*'"#,
            ),
            (&["./a", "/b c"], "./a '/b c'"),
        ] {
            assert_eq!(line(words, false).unwrap(), expected);
        }
    }

    #[test]
    fn windows_words_are_quoted_by_its_rules() {
        for (words, expected) in [
            (&[r"C:\a\b.exe", "--c"][..], r"C:\a\b.exe --c"),
            (
                &[r"C:\Program Files\b", "it's", ""],
                r#""C:\Program Files\b" "it's" """#,
            ),
            (&[r"a b\"], r#""a b\\""#),
        ] {
            assert_eq!(line(words, true).unwrap(), expected);
        }
        assert!(line(&["%PATH%"], true).is_err());
        assert!(line(&["a\"b"], true).is_err());
    }

    #[test]
    fn word_that_would_not_be_read_back_is_refused() {
        for word in ["a #b", "a ;b", "a\nb", "a\tb"] {
            for is_windows in [false, true] {
                assert_eq!(line(&["x", word], is_windows).unwrap_err().word, word);
            }
        }
    }
}
