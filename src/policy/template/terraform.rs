//! A configuration of Terraform or OpenTofu, for HashiCorp's AWS provider
//! ([resources](https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/rolesanywhere_trust_anchor)).

use std::fmt::Write as _;

use serde_json::Value;

use super::Template;

/// The configuration, in HCL.
pub fn terraform(template: &Template<'_>) -> String {
    let role = role(template);
    match template.authorities {
        None => role,
        Some(pem) => [trust_anchor(template, pem), role, profile(template)].join("\n"),
    }
}

fn trust_anchor(template: &Template<'_>, pem: &str) -> String {
    let name = string(&template.name());
    // PEM has no character that a heredoc would read as its own.
    format!(
        "resource \"aws_rolesanywhere_trust_anchor\" \"rolesanywhere\" {{
  name    = {name}
  enabled = true

  source {{
    source_type = \"CERTIFICATE_BUNDLE\"

    source_data {{
      x509_certificate_data = <<EOT
{pem}EOT
    }}
  }}
}}
"
    )
}

fn profile(template: &Template<'_>) -> String {
    let name = string(&template.name());
    format!(
        "resource \"aws_rolesanywhere_profile\" \"rolesanywhere\" {{
  name      = {name}
  enabled   = true
  role_arns = [aws_iam_role.rolesanywhere.arn]
}}
"
    )
}

fn role(template: &Template<'_>) -> String {
    let mut role = "resource \"aws_iam_role\" \"rolesanywhere\" {\n".to_owned();
    if let Some((name, path)) = template.role_name() {
        let _ = writeln!(role, "  name = {}", string(name));
        if let Some(path) = path {
            let _ = writeln!(role, "  path = {}", string(path));
        }
        role += "\n";
    }
    let anchor = template.authorities.map(|_| TRUST_ANCHOR_ARN);
    let policy = expression(&template.policy(), anchor, 2);
    let _ = writeln!(role, "  assume_role_policy = jsonencode({policy})\n}}");
    role
}

/// JSON as an expression. `anchor` takes the place of the trust anchor's ARN.
fn expression(value: &Value, anchor: Option<&str>, indent: usize) -> String {
    let inner = " ".repeat(indent + 2);
    let outer = " ".repeat(indent);
    match value {
        Value::String(text) => string(text),
        Value::Array(values) => {
            let values = values.iter();
            let values: Vec<String> = values
                .map(|value| format!("{inner}{},\n", expression(value, anchor, indent + 2)))
                .collect();
            format!("[\n{}{outer}]", values.concat())
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| {
                let value = match anchor.filter(|_| key == "aws:SourceArn") {
                    Some(anchor) => anchor.to_owned(),
                    None => expression(value, anchor, indent + 2),
                };
                format!("{inner}{} = {value}\n", string(key))
            });
            format!("{{\n{}{outer}}}", members.collect::<String>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A quoted string, in which nothing is a template
/// ([syntax](https://developer.hashicorp.com/terraform/language/expressions/strings)).
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted += "\\n",
            '\r' => quoted += "\\r",
            '\t' => quoted += "\\t",
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([character, character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

const TRUST_ANCHOR_ARN: &str = "aws_rolesanywhere_trust_anchor.rolesanywhere.arn";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_of_hcl_is_literal() {
        assert_eq!(string("a\"b\\c\nd"), r#""a\"b\\c\nd""#);
        assert_eq!(string("${x} %{y} $ % {"), r#""$${x} %%{y} $ % {""#);
        assert_eq!(string("$${x}"), r#""$$${x}""#);
        assert_eq!(string("\u{7}é"), r#""\u0007é""#);
    }
}
