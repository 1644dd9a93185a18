//! [`quoted`]: words as a command line in the config file, which each SDK splits into the same words.

use std::fmt;

use crate::output::export::shells::is_plain;

/// The words as one line: for botocore, which splits as Python's `shlex` or Windows do, and for the SDKs that
/// start a shell. `is_windows` says for which system.
pub fn quoted(words: &[String], is_windows: bool) -> Result<String, CommandLineError> {
    let quote = match is_windows {
        true => windows,
        false => posix,
    };
    let mut line = String::new();
    for (index, word) in words.iter().enumerate() {
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
        let begin = line.len();
        quote(&mut line, word).map_err(refuse)?;
        // Go takes away the quotes around a value.
        let is_last = index + 1 == words.len();
        if is_windows && is_last && line.starts_with('"') && line.ends_with('"') {
            line.truncate(begin);
            windows_end(&mut line, word).map_err(refuse)?;
        }
    }
    Ok(line)
}

/// Single quotes hide everything but themselves. The line's first character stays outside of them: Go takes
/// away the quotes around a value.
fn posix(line: &mut String, word: &str) -> Result<(), &'static str> {
    if !word.is_empty() && word.chars().all(is_plain) {
        line.push_str(word);
        return Ok(());
    }
    let mut rest = word.chars();
    if line.is_empty()
        && let Some(first) = rest.next()
    {
        if !is_plain(first) {
            line.push('\\');
        }
        line.push(first);
    }
    line.push('\'');
    line.push_str(&rest.as_str().replace('\'', r"'\''"));
    line.push('\'');
    Ok(())
}

/// Double quotes, as the C library of Windows reads them. cmd.exe puts in variables within them too.
fn windows(line: &mut String, word: &str) -> Result<(), &'static str> {
    if word.contains(['"', '%']) {
        return Err("a quote or a percent sign");
    }
    if !word.is_empty() && word.chars().all(is_plain_for_windows) {
        line.push_str(word);
        return Ok(());
    }
    windows_quoted(line, word);
    Ok(())
}

/// As [`windows`], with the last character outside of the quotes.
fn windows_end(line: &mut String, word: &str) -> Result<(), &'static str> {
    let mut rest = word.chars();
    let last = rest.next_back().ok_or("nothing, at the end of the line")?;
    if !is_plain_for_windows(last) {
        return Err("at the end of the line a character that needs quotes");
    }
    windows_quoted(line, rest.as_str());
    line.push(last);
    Ok(())
}

fn is_plain_for_windows(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@+:./\\-".contains(c)
}

fn windows_quoted(line: &mut String, word: &str) {
    line.push('"');
    line.push_str(word);
    // A backslash in front of a quote would hide it.
    let backslashes = word.len() - word.trim_end_matches('\\').len();
    line.push_str(&"\\".repeat(backslashes));
    line.push('"');
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
            (&["d x/h", "a b"], "d' x/h' 'a b'"),
            (&["$d/h", "a b"], r"\$'d/h' 'a b'"),
            (&["'", "a b"], r"\''' 'a b'"),
        ] {
            assert_eq!(line(words, false).unwrap(), expected);
        }
    }

    #[test]
    fn windows_words_are_quoted_by_its_rules() {
        for (words, expected) in [
            (&[r"C:\a\b.exe", "--c"][..], r"C:\a\b.exe --c"),
            (
                &[r"C:\Program Files\b", "it's", "", "c"],
                r#""C:\Program Files\b" "it's" "" c"#,
            ),
            (&["a", r"a b\"], r#"a "a b\\""#),
            // Not between two quotes.
            (&["a b", "c d"], r#""a b" "c "d"#),
            (&["a b", r"c d\"], r#""a b" "c d"\"#),
            (&["a b", r"c d\\"], r#""a b" "c d\\"\"#),
        ] {
            assert_eq!(line(words, true).unwrap(), expected);
        }
        for end in ["", "a ", "a b&"] {
            assert_eq!(line(&["a b", end], true).unwrap_err().word, end);
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
