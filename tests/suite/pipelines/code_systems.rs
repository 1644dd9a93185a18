//! The systems whose pipelines are programs: Jenkins (Groovy) and TeamCity (Kotlin). Values and scripts are taken out
//! of them by form.

use regex_lite::Regex;

use super::agent::Agent;
use super::agent::Variables;

/// Jenkins: a script gets a credential only within `withCredentials`, and is traced.
pub(crate) fn jenkins(agent: &Agent, text: &str) -> Result<String, String> {
    assert_balanced(text);
    let assignment = Regex::new(r"(?m)^ *([A-Z0-9_]+) = '([^'\n]*)'$").unwrap();
    let environment = pairs(&assignment, text);
    let script = Regex::new(r"(?s)\bsh '''(.*?)'''").unwrap();
    let binding =
        "withCredentials([string(credentialsId: 'agent-identity', variable: 'AGENT_IDENTITY')]) {";
    let mut log = String::new();
    for found in script.captures_iter(text) {
        let mut variables = environment.clone();
        let before = &text[..found.get(0).unwrap().start()];
        let since = before.rsplit_once(binding).map(|(_, since)| since);
        if since.is_some_and(|since| !since.contains('}')) {
            variables.insert("AGENT_IDENTITY".to_owned(), agent.identity());
        }
        log += &agent.run(&["sh", "-xe"], &found[1], &variables)?;
    }
    Ok(log)
}

/// TeamCity: parameters `env.NAME` are variables, those of the parent project too; others are replaced in scripts.
pub(crate) fn teamcity(agent: &Agent, text: &str) -> Result<String, String> {
    assert_balanced(text);
    let parameter = Regex::new(r#"\bparam\("([^"]+)", "([^"]*)"\)"#).unwrap();
    let parameters = pairs(&parameter, text);
    let mut variables: Variables = parameters
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("env.")?.to_owned(), value.clone())))
        .collect();
    variables.insert("AGENT_IDENTITY".to_owned(), agent.identity());
    let script = Regex::new(r#"(?s)scriptContent = """(.*?)"""\.trimIndent\(\)"#).unwrap();
    let mut log = String::new();
    for found in script.captures_iter(text) {
        assert!(!found[1].contains('$'), "Kotlin replaces it: {}", &found[1]);
        let mut script = found[1].to_owned();
        // A parameter may hold others.
        for _ in 0..2 {
            for (name, value) in &parameters {
                script = script.replace(&format!("%{name}%"), value);
            }
        }
        assert!(!script.contains('%'), "{script}");
        log += &agent.run(&["sh", "-x"], &script, &variables)?;
    }
    Ok(log)
}

fn pairs(form: &Regex, text: &str) -> Variables {
    let found = form.captures_iter(text);
    found
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

/// Every bracket outside of texts and comments is closed by its own kind.
fn assert_balanced(text: &str) {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let quote = ["'''", "\"\"\"", "'", "\""]
            .into_iter()
            .find(|quote| rest.starts_with(quote));
        if let Some(quote) = quote {
            let (_, after) = rest[quote.len()..]
                .split_once(quote)
                .expect("a closed text");
            rest = after;
            continue;
        }
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => assert_eq!(open.pop(), Some(character), "before {rest}"),
            _ => {}
        }
        rest = &rest[character.len_utf8()..];
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

#[test]
#[should_panic(expected = "before ]")]
fn brackets_of_another_kind_are_not_balanced() {
    assert_balanced("a { b('}') ] }");
}
