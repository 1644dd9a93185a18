//! Files of `NAME=value` lines, by the rules of those who read them.

use super::ExportError;
use super::LINE_BREAK;
use super::LINE_BREAKS;
use super::Unfit;
use super::push_escaped;
use super::refuse;
use super::text;
use crate::output::variables::Variable;
use crate::secret::Secret;

/// A `.env` file, with values that Node and python-dotenv read alike: bare where possible, in quotes where
/// both agree on these.
pub fn dotenv(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        let value = variable.value.expose();
        let quote = dotenv_quote(value).ok_or(Unfit("characters that its readers disagree on"))?;
        line(text, variable.name, &[quote, value, quote]);
        Ok(())
    })
}

/// The quotes that a value needs. `None`: no reader-independent form.
fn dotenv_quote(value: &str) -> Option<&'static str> {
    let has = |characters: &[char]| value.contains(characters);
    let is_bare =
        !has(&['#', '\n', '\r']) && value.trim() == value && !value.starts_with(['\'', '"', '`']);
    // python-dotenv puts in other variables, in quotes too.
    match value.contains("${") {
        true => None,
        false if is_bare => Some(""),
        false if has(&['\\', '\r']) => None,
        false if !has(&['\'']) => Some("'"),
        false if !has(&['"']) => Some("\""),
        false => None,
    }
}

/// A dotenv report of GitLab: neither quotes nor escapes, and less than 5 KiB.
///
/// Source: [artifacts:reports:dotenv](https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv).
pub fn gitlab(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    let report = text(variables, |text, variable| {
        let value = variable.value.expose();
        refuse(value, LINE_BREAKS, LINE_BREAK)?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if value.contains(is_odd) {
            return Err(Unfit("a space or control character"));
        }
        // A value of a variable is looked through for names of others.
        refuse(value, &['$'], "a dollar sign")?;
        refuse(value, &['\'', '"'], "quotes")?;
        line(text, variable.name, &[value]);
        Ok(())
    })?;
    match report.expose().len() {
        length if length > GITLAB_BYTES_MAX => Err(ExportError::TooLong {
            length,
            length_max: GITLAB_BYTES_MAX,
        }),
        _ => Ok(report),
    }
}

/// Lines for Jenkins' `withEnv(readFile(..).readLines())`, which puts in other variables.
pub fn jenkins(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        let value = variable.value.expose();
        refuse(value, LINE_BREAKS, LINE_BREAK)?;
        text.push_str(variable.name);
        text.push('=');
        push_escaped(text, value, |c| (c == '$').then_some("$$"));
        text.push('\n');
        Ok(())
    })
}

fn line(text: &mut String, name: &str, value: &[&str]) {
    text.push_str(name);
    text.push('=');
    value.iter().for_each(|part| text.push_str(part));
    text.push('\n');
}

/// Below 5 KiB.
const GITLAB_BYTES_MAX: usize = 5 * 1024 - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::export::tests::one;

    #[test]
    fn dotenv_is_bare_where_possible_and_refused_where_readers_differ() {
        for (value, expected) in [
            ("a/b+c==", "a/b+c=="),
            ("$a `b` \"c\" 'd' %e% !", "$a `b` \"c\" 'd' %e% !"),
            ("a#b", "'a#b'"),
            (" a", "' a'"),
            ("a\nb", "'a\nb'"),
            ("'a'#", "\"'a'#\""),
        ] {
            assert_eq!(one(dotenv, value).unwrap(), format!("N={expected}\n"));
        }
        for value in ["${a}", "a\\#", "a\r", "#'\""] {
            assert!(one(dotenv, value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn gitlab_takes_what_it_cannot_misread() {
        assert_eq!(one(gitlab, "a/b+c=%!`").unwrap(), "N=a/b+c=%!`\n");
        for value in ["a b", "a\nb", "a\tb", "$a", "'a'", "\"", " "] {
            assert!(one(gitlab, value).unwrap_err().contains("carry N: "));
        }
        let longest = "x".repeat(GITLAB_BYTES_MAX - "N=\n".len());
        assert!(one(gitlab, &longest).is_ok());
        assert!(one(gitlab, &format!("{longest}x")).is_err());
    }

    #[test]
    fn jenkins_expands_no_variable_of_a_value() {
        assert_eq!(one(jenkins, "a$b ${c} '\"").unwrap(), "N=a$$b $${c} '\"\n");
        assert!(one(jenkins, "a\rb").is_err());
    }
}
