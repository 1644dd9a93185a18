//! [`Traffic`]: how many requests there were for what, and what was answered.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::response::Status;

/// What a request was for, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A metadata token.
    Token,
    /// The role's name.
    RoleList,
    /// Credentials, by IMDS.
    Credentials,
    /// Credentials, by the container endpoint.
    Container,
    /// What there is not, and what is refused whatever it is for.
    Other,
}

/// Answers since the start.
#[derive(Debug, Default)]
pub struct Traffic([[AtomicU64; STATUSES]; ROUTES]);

impl Traffic {
    /// Counts one.
    pub(super) fn count(&self, route: Route, status: Status) {
        if let Some(count) = self.cell(route, status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that there were.
    pub fn counts(&self) -> impl Iterator<Item = (Route, Status, u64)> {
        let all = Route::ALL
            .into_iter()
            .flat_map(|route| Status::ALL.into_iter().map(move |status| (route, status)));
        all.filter_map(|(route, status)| {
            let count = self.cell(route, status)?.load(Ordering::Relaxed);
            (count > 0).then_some((route, status, count))
        })
    }

    fn cell(&self, route: Route, status: Status) -> Option<&AtomicU64> {
        self.0.get(route as usize)?.get(status as usize)
    }
}

impl Route {
    const ALL: [Self; ROUTES] = [
        Self::Token,
        Self::RoleList,
        Self::Credentials,
        Self::Container,
        Self::Other,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::RoleList => "role_list",
            Self::Credentials => "credentials",
            Self::Container => "container",
            Self::Other => "other",
        }
    }
}

const ROUTES: usize = 5;
const STATUSES: usize = Status::ALL.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_counted_where_it_belongs() {
        let traffic = Traffic::default();
        for route in Route::ALL {
            for status in Status::ALL {
                traffic.count(route, status);
            }
        }
        traffic.count(Route::Token, Status::Ok);
        let counts: Vec<_> = traffic.counts().collect();
        assert_eq!(counts.len(), ROUTES * STATUSES);
        assert_eq!(counts[0], (Route::Token, Status::Ok, 2));
        assert!(counts[1..].iter().all(|(_, _, count)| *count == 1));
    }
}
