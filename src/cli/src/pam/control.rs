//! The second column of a PAM stack: what becomes of a login for each answer of a module (pam.conf(5)).

/// What becomes of a login for each answer of a module.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) text: String,
    named: Vec<(String, Action)>,
    default: Action,
}

/// What a control makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Ignore,
    Ok,
    Done,
    Bad,
    Die,
    Reset,
    /// Over so many lines.
    Jump(usize),
}

impl Control {
    pub(super) fn read(text: &str) -> Self {
        let named = |success: Action, ignore: Action, default: Action| Self {
            text: text.to_owned(),
            named: vec![
                ("success".to_owned(), success),
                ("new_authtok_reqd".to_owned(), success),
                ("ignore".to_owned(), ignore),
            ],
            default,
        };
        match text.to_ascii_lowercase().as_str() {
            "required" => named(Action::Ok, Action::Ignore, Action::Bad),
            "requisite" => named(Action::Ok, Action::Ignore, Action::Die),
            "optional" => named(Action::Ok, Action::Ignore, Action::Ignore),
            "sufficient" => named(Action::Done, Action::Ignore, Action::Ignore),
            _ => Self::read_pairs(text),
        }
    }

    /// `value=action` by `value=action`; from the first that is not understood on, all that is not named is bad.
    fn read_pairs(text: &str) -> Self {
        let spaced = text.replace('=', " = ");
        let mut words = spaced.split_whitespace();
        let (mut named, mut default) = (Vec::new(), None);
        while let (Some(value), Some("="), Some(action)) = (words.next(), words.next(), words.next()) {
            let action = match action {
                "ignore" => Action::Ignore,
                "ok" => Action::Ok,
                "done" => Action::Done,
                "bad" => Action::Bad,
                "die" => Action::Die,
                "reset" => Action::Reset,
                number => match number.parse() {
                    Ok(0) => Action::Ignore,
                    Ok(lines) => Action::Jump(lines),
                    Err(_) => break,
                },
            };
            if value == "default" {
                default = default.or(Some(action));
            } else {
                named.push((value.to_owned(), action));
            }
        }
        Self { text: format!("[{text}]"), named, default: default.unwrap_or(Action::Bad) }
    }

    /// Over how many lines it may jump.
    pub(crate) fn jumps(&self) -> Vec<usize> {
        let actions = self.named.iter().map(|(_, action)| *action).chain([self.default]);
        let lines = |action| match action {
            Action::Jump(lines) => Some(lines),
            _ => None,
        };
        actions.filter_map(lines).collect()
    }

    /// The failures that it jumps on; "default" stands for all that are not named.
    pub(crate) fn jumped_on(&self) -> impl Iterator<Item = &str> {
        let is_failure = |value: &str| !matches!(value, "success" | "new_authtok_reqd");
        let named =
            self.named.iter().filter(move |(value, action)| is_failure(value) && matches!(action, Action::Jump(_)));
        let default = matches!(self.default, Action::Jump(_)).then_some("default");
        named.map(|(value, _)| value.as_str()).chain(default)
    }

    /// What is made of an answer.
    pub(crate) fn on(&self, answer: &str) -> Action {
        let named = self.named.iter().rev().find(|(value, _)| value == answer);
        named.map_or(self.default, |(_, action)| *action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_says_what_becomes_of_each_answer() {
        for (control, answer, action) in [
            ("required", "ignore", Action::Ignore),
            ("requisite", "auth_err", Action::Die),
            ("sufficient", "success", Action::Done),
            ("optional", "auth_err", Action::Ignore),
            ("success=2 default=ignore", "success", Action::Jump(2)),
            ("success = 2 default=ignore", "auth_err", Action::Ignore),
            ("default=die success=ok", "success", Action::Ok),
            ("success=ok nonsense", "auth_err", Action::Bad),
            ("success=wat default=ignore", "auth_err", Action::Bad),
            ("", "success", Action::Bad),
        ] {
            assert_eq!(Control::read(control).on(answer), action, "{control}: {answer}");
        }
    }
}
