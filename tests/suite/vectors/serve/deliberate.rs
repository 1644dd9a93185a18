//! What this helper does in the informative cases of the folder `serve`.

/// What this helper does in an informative case of the folder `serve`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OursServing {
    /// The statuses of all answers, in order; where one is the reference's, the answer is too.
    Answers(&'static [u16]),
    /// Exit 1 before it listens; stderr holds these words.
    Refuses(&'static [&'static str]),
}

impl OursServing {
    pub(crate) fn of(name: &str) -> Option<OursServing> {
        let row = OURS_SERVING.iter().find(|(case, _)| *case == name);
        row.map(|(_, ours)| *ours)
    }
}

/// Every informative case of the folder `serve`, and what this helper does in it.
pub(crate) const OURS_SERVING: &[(&str, OursServing)] = &[
    // There is one role.
    (
        "credentials-other-role",
        OursServing::Answers(&[200, 404, 404, 404]),
    ),
    ("forwarded-for-on-get", OursServing::Answers(&[200, 200])),
    ("garbage", OursServing::Answers(&[400, 400, 400])),
    ("header-huge", OursServing::Answers(&[431])),
    ("hop-limit-0", OursServing::Refuses(&["hop-limit"])),
    ("host-missing", OursServing::Answers(&[200, 400])),
    ("role-arn-no-name", OursServing::Refuses(&["role"])),
    ("token-subpath", OursServing::Answers(&[404])),
];
