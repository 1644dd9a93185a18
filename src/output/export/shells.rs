//! Commands of a shell that set variables. Real shells read them in `tests/suite/export`.

use super::ExportError;
use super::LINE_BREAK;
use super::LINE_BREAKS;
use super::Unfit;
use super::push_escaped;
use super::refuse;
use super::text;
use crate::output::variables::Variable;
use crate::secret::Secret;

/// For bash, dash, zsh and every other shell of POSIX: `eval "$(...)"`.
pub fn posix(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        quoted(
            text,
            ["export ", variable.name, "="],
            variable,
            escape_posix,
        );
        Ok(())
    })
}

/// For fish: `... | source`.
pub fn fish(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    let quote = |c| match c {
        '\'' => Some(r"\'"),
        '\\' => Some(r"\\"),
        _ => None,
    };
    text(variables, |text, variable| {
        quoted(text, ["set -gx ", variable.name, " "], variable, quote);
        Ok(())
    })
}

/// For PowerShell: `... | Out-String | Invoke-Expression`. It takes typographic quotes for single ones, and
/// its own line breaks for those of a program.
pub fn powershell(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        quoted(
            text,
            ["$env:", variable.name, "="],
            variable,
            escape_powershell,
        );
        Ok(())
    })
}

/// A batch file for cmd.exe. Without quotes, which would hide the escapes from it.
pub fn cmd(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    let escape = |c| match c {
        '%' => Some("%%"),
        c => escape_cmd(c),
    };
    text(variables, |text, variable| {
        let value = variable.value.expose();
        refuse(value, LINE_BREAKS, LINE_BREAK)?;
        // Control-Z ends a batch file.
        refuse(value, &['\u{1a}'], "a control character")?;
        let begin = text.len();
        text.push_str("@set ");
        text.push_str(variable.name);
        text.push('=');
        push_escaped(text, value, escape);
        if text.len() - begin > CMD_LINE_BYTES_MAX {
            return Err(Unfit("more than a line of cmd.exe"));
        }
        text.push_str("\r\n");
        Ok(())
    })
}

/// Lines to paste, which set variables for the programs that a shell starts: for a shell of POSIX, or on
/// Windows for cmd, and below them for PowerShell.
pub fn lines_to_paste(variables: &[(&str, String)], is_windows: bool) -> Vec<String> {
    let posix = |(name, value): &(&str, String)| match value.chars().all(is_plain) {
        true => format!("export {name}={value}"),
        false => format!("export {name}='{}'", escaped(value, escape_posix)),
    };
    // At a prompt, quotes do not hide a percent sign, and a caret does.
    let cmd = |(name, value): &(&str, String)| match value.contains('%') {
        false => format!("set \"{name}={value}\""),
        true => {
            let escape = |c| match c {
                '%' => Some("^%"),
                c => escape_cmd(c),
            };
            format!("set {name}={}", escaped(value, escape))
        }
    };
    let powershell = |(name, value): &(&str, String)| {
        format!("$env:{name} = '{}'", escaped(value, escape_powershell))
    };
    if !is_windows {
        return variables.iter().map(posix).collect();
    }
    let mut lines: Vec<String> = variables.iter().map(cmd).collect();
    lines.push("or, in PowerShell:".to_owned());
    lines.extend(variables.iter().map(powershell));
    lines
}

/// True for what a shell of POSIX takes for text without quotes.
pub(in crate::output) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c)
}

/// Within single quotes.
fn escape_posix(c: char) -> Option<&'static str> {
    (c == '\'').then_some(r"'\''")
}

/// Within single quotes.
fn escape_powershell(c: char) -> Option<&'static str> {
    match c {
        '\'' => Some("''"),
        '\u{2018}' => Some("\u{2018}\u{2018}"),
        '\u{2019}' => Some("\u{2019}\u{2019}"),
        '\u{201a}' => Some("\u{201a}\u{201a}"),
        '\u{201b}' => Some("\u{201b}\u{201b}"),
        '\n' => Some("'+[char]10+'"),
        '\r' => Some("'+[char]13+'"),
        _ => None,
    }
}

/// Outside of quotes. A percent sign is escaped in one way at a prompt, and in another in a file.
fn escape_cmd(c: char) -> Option<&'static str> {
    match c {
        '^' => Some("^^"),
        '&' => Some("^&"),
        '|' => Some("^|"),
        '<' => Some("^<"),
        '>' => Some("^>"),
        '(' => Some("^("),
        ')' => Some("^)"),
        '"' => Some("^\""),
        _ => None,
    }
}

fn escaped(value: &str, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut text = String::with_capacity(value.len());
    push_escaped(&mut text, value, escape);
    text
}

/// A command with the value in single quotes.
fn quoted(
    text: &mut String,
    command: [&str; 3],
    variable: &Variable,
    escape: impl Fn(char) -> Option<&'static str>,
) {
    command.iter().for_each(|word| text.push_str(word));
    text.push('\'');
    push_escaped(text, variable.value.expose(), escape);
    text.push_str("'\n");
}

/// Source: [command line string limitation](https://learn.microsoft.com/en-us/troubleshoot/windows-client/shell-experience/command-line-string-limitation).
const CMD_LINE_BYTES_MAX: usize = 8191;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::export::tests::one;

    #[test]
    fn powershell_doubles_quotes_and_joins_lines() {
        assert_eq!(
            one(powershell, "a'$x`\u{2019}\nb").unwrap(),
            "$env:N='a''$x`\u{2019}\u{2019}'+[char]10+'b'\n"
        );
    }

    #[test]
    fn cmd_escapes_what_it_would_read() {
        assert_eq!(
            one(cmd, r#"a %b% "c" & ^!"#).unwrap(),
            "@set N=a %%b%% ^\"c^\" ^& ^^!\r\n"
        );
        for value in ["a\nb", "a\rb", "a\u{1a}b", &"x".repeat(8191)] {
            assert!(one(cmd, value).unwrap_err().contains("carry N: "));
        }
    }
}
