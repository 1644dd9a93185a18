//! Lines by which the agent of a pipeline sets variables, and masks secret ones.

use std::fmt::Write;

use super::ExportError;
use super::push_escaped;
use super::text;
use crate::output::variables::Variable;
use crate::secret::Secret;

/// Logging commands of Azure DevOps. A secret variable is masked, and reaches later tasks by an `env:`
/// mapping only.
///
/// Source: [logging commands](https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands).
pub fn azure_devops(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    let escape = |c| match c {
        '%' => Some("%AZP25"),
        ';' => Some("%3B"),
        ']' => Some("%5D"),
        '\r' => Some("%0D"),
        '\n' => Some("%0A"),
        _ => None,
    };
    text(variables, |text, variable| {
        text.push_str("##vso[task.setvariable variable=");
        text.push_str(variable.name);
        if variable.is_secret {
            text.push_str(";issecret=true");
        }
        text.push(']');
        push_escaped(text, variable.value.expose(), escape);
        text.push('\n');
        Ok(())
    })
}

/// Commands of GitHub Actions that mask secret values. The runner has to read them before the values.
///
/// Source: [workflow commands](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
pub fn github_masks(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    let escape = |c| match c {
        '%' => Some("%25"),
        '\r' => Some("%0D"),
        '\n' => Some("%0A"),
        _ => None,
    };
    text(variables, |text, variable| {
        if variable.is_secret {
            text.push_str("::add-mask::");
            push_escaped(text, variable.value.expose(), escape);
            text.push('\n');
        }
        Ok(())
    })
}

/// Lines for the file that `GITHUB_ENV` names.
pub fn github_environment(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        let value = variable.value.expose();
        text.push_str(variable.name);
        match value.contains(['\n', '\r']) {
            false => {
                text.push('=');
                text.push_str(value);
            }
            true => {
                let mut delimiter = String::from("END");
                while value.contains(&delimiter) {
                    delimiter.push('_');
                }
                // A text takes all that is written.
                let _ = write!(text, "<<{delimiter}\n{value}\n{delimiter}");
            }
        }
        text.push('\n');
        Ok(())
    })
}

/// Service messages of TeamCity that set parameters for the steps to come. Those that are to be masked have
/// to be defined as passwords.
///
/// Source: [service messages](https://www.jetbrains.com/help/teamcity/service-messages.html).
pub fn teamcity(variables: &[Variable]) -> Result<Secret<String>, ExportError> {
    text(variables, |text, variable| {
        text.push_str("##teamcity[setParameter name='env.");
        text.push_str(variable.name);
        text.push_str("' value='");
        for character in variable.value.expose().chars() {
            teamcity_character(text, character);
        }
        text.push_str("']\n");
        Ok(())
    })
}

fn teamcity_character(text: &mut String, character: char) {
    match character {
        '|' => text.push_str("||"),
        '\'' => text.push_str("|'"),
        '[' => text.push_str("|["),
        ']' => text.push_str("|]"),
        '\n' => text.push_str("|n"),
        '\r' => text.push_str("|r"),
        // Between two of them would be the name of a parameter.
        '%' => text.push_str("%%"),
        ' '..='~' => text.push(character),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "|0x{unit:04X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::export::tests::one;

    #[test]
    fn azure_devops_escapes_what_its_agent_decodes() {
        assert_eq!(
            one(azure_devops, "a%3B;]\r\nb").unwrap(),
            "##vso[task.setvariable variable=N;issecret=true]a%AZP253B%3B%5D%0D%0Ab\n"
        );
    }

    #[test]
    fn github_masks_and_sets_values_of_several_lines() {
        assert_eq!(
            one(github_masks, "a%0A\nb").unwrap(),
            "::add-mask::a%250A%0Ab\n"
        );
        assert_eq!(one(github_environment, "a=b<<c").unwrap(), "N=a=b<<c\n");
        assert_eq!(
            one(github_environment, "a\nEND_\nb").unwrap(),
            "N<<END__\na\nEND_\nb\nEND__\n"
        );
    }

    #[test]
    fn teamcity_escapes_by_its_rules() {
        assert_eq!(
            one(teamcity, "a|b'[c]\n%d%é\u{1f600}").unwrap(),
            "##teamcity[setParameter name='env.N' value='a||b|'|[c|]|n%%d%%|0x00E9|0xD83D|0xDE00']\n"
        );
    }

    #[test]
    fn only_secret_variables_are_masked() {
        let plain = Variable {
            name: "N",
            value: Secret::new("v".to_owned()),
            is_secret: false,
        };
        let variables = [plain];
        assert_eq!(github_masks(&variables).unwrap().expose(), "");
        let text = azure_devops(&variables).unwrap();
        assert_eq!(text.expose(), "##vso[task.setvariable variable=N]v\n");
    }
}
