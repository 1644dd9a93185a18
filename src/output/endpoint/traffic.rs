//! [`Traffic`]: counts answers by route and status. An observer of an endpoint, which does not know it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use super::response::StatusCode;
use super::route::ROUTES;
use super::route::Route;

/// Answers since the start.
#[derive(Debug, Default)]
pub struct Traffic([[AtomicU64; STATUSES]; ROUTES]);

impl Traffic {
    /// Counts an answer.
    pub fn count(&self, route: Route, status: StatusCode) {
        if let Some(count) = self.cell(route, status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that there were.
    pub fn counts(&self) -> impl Iterator<Item = (Route, StatusCode, u64)> {
        let all = Route::ALL.into_iter().flat_map(|route| {
            StatusCode::ALL
                .into_iter()
                .map(move |status| (route, status))
        });
        all.filter_map(|(route, status)| {
            let count = self.cell(route, status)?.load(Ordering::Relaxed);
            (count > 0).then_some((route, status, count))
        })
    }

    fn cell(&self, route: Route, status: StatusCode) -> Option<&AtomicU64> {
        self.0.get(route as usize)?.get(status as usize)
    }
}

const STATUSES: usize = StatusCode::ALL.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_counted_where_it_belongs() {
        let traffic = Traffic::default();
        for route in Route::ALL {
            for status in StatusCode::ALL {
                traffic.count(route, status);
            }
        }
        traffic.count(Route::Token, StatusCode::Ok);
        let counts: Vec<_> = traffic.counts().collect();
        assert_eq!(counts.len(), ROUTES * STATUSES);
        assert_eq!(counts[0], (Route::Token, StatusCode::Ok, 2));
        assert!(counts[1..].iter().all(|(_, _, count)| *count == 1));
    }
}
