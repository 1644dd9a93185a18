//! Patterns of policies: `*` is any text, `?` any character
//! ([operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)).

/// True if the whole text is of the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    // The last star, and where the text behind what it stands for begins.
    let mut star = None;
    while let Some(character) = text.get(position) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((star_at, begin)) => {
                    star = Some((star_at, begin + 1));
                    at = star_at + 1;
                    position = begin + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// The same for ARNs, whose six sections are compared one by one.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let sections = |text: &str| -> Vec<String> { text.splitn(6, ':').map(str::to_owned).collect() };
    let (pattern, arn) = (sections(pattern), sections(arn));
    let mut pairs = pattern.iter().zip(&arn);
    pattern.len() == arn.len() && pairs.all(|(pattern, text)| matches(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_is_any_text_and_question_mark_one_character() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("a", "a"),
            ("a*", "a"),
            ("*b", "aab"),
            ("a*b*c", "a-b-b-c"),
            ("a?c", "aéc"),
            ("**x", "yx"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a", "A"),
            ("a?c", "ac"),
            ("*b", "ba"),
            ("a*b", "acbd"),
            ("?", ""),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn star_stays_in_its_section_of_an_arn() {
        let arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a:b";
        assert!(matches_arn(arn, arn));
        assert!(matches_arn("arn:aws:*:*:*:*", arn));
        assert!(matches_arn(
            "arn:aws:rolesanywhere:*:123456789012:trust-anchor/*",
            arn
        ));
        assert!(!matches_arn("arn:*", arn));
        assert!(!matches_arn("*", arn));
        assert!(!matches_arn(
            "arn:aws:rolesanywhere:*:1:trust-anchor/*",
            arn
        ));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(1000) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }
}
