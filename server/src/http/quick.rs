//! The crowd's addresses, without the router: what tens of thousands ask for at once.
//!
//! The same functions answer here and behind the router: HTTP/2, ranges, credentials and everything unusual go there.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Method, Request, header},
    response::{IntoResponse, Response},
};

use super::{
    Problem,
    answer::{self, Answer},
    highlight, hls, media,
    sse::Following,
    text::{self, Playlist},
};
use crate::app::App;

/// A request of the usual kind: GET or HEAD, nothing conditional, no range, no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The path, without any escapes.
    pub path: &'a str,
    /// What follows `?`.
    pub query: Option<&'a str>,
    /// Whether gzip is accepted.
    pub gzip: bool,
    /// Whether it came with a cookie or `Authorization`: what is answered may be for the crew.
    pub personal: bool,
    /// `Last-Event-ID`.
    pub last_event: Option<&'a str>,
    /// HEAD: the answer's body stays here.
    pub head: bool,
}

/// What a request is answered with.
pub enum Quick {
    /// Shared bytes.
    Whole(Answer),
    /// A problem document, dressed.
    Problem(Response),
    /// Events, for as long as the page is open.
    Events(Following),
}

/// Answers a request for one of the crowd's addresses; `None` when it is not one.
pub async fn quick(app: &Arc<App>, asked: &Asked<'_>) -> Option<Quick> {
    let mut names = [""; 7];
    let mut count = 0;
    for name in asked.path.strip_prefix('/')?.split('/') {
        // An empty name is no name: the router says so.
        *names.get_mut(count).filter(|_| !name.is_empty())? = name;
        count += 1;
    }
    let playlist = match *names.get(..count)? {
        ["media", camera, rendition, run, file] => {
            return Some(match media::whole(app, [camera, rendition, run, file]).await {
                Ok(answer) => Quick::Whole(answer),
                Err(problem) => refused(problem),
            });
        }
        ["live", file] => hls::every_angle(app, file),
        ["live", camera, file] => hls::one_angle(app, camera, file),
        ["live", camera, rendition, file] => hls::one_rendition(app, [camera, rendition, file], asked.query).await,
        ["api", "v1", "events"] if !asked.personal && !asked.head => {
            return Some(Quick::Events(Following::new(app, false, asked.last_event)));
        }
        ["highlights", id, ref rest @ ..] if !asked.personal => of_highlight(app, id, rest).await?,
        _ => return None,
    };
    Some(match playlist {
        Ok(playlist) => Quick::Whole(playlist.answer(asked.gzip)),
        Err(problem) => refused(problem),
    })
}

/// Answers a request that came another way, HTTP/2 first of all; `None` when the router has to.
pub async fn crowd<B>(app: &Arc<App>, request: &Request<B>) -> Option<Response> {
    let (uri, headers) = (request.uri(), request.headers());
    let head = *request.method() == Method::HEAD;
    let unusual = [header::RANGE, header::EXPECT, header::UPGRADE].iter().any(|name| headers.contains_key(name));
    let events = uri.path().starts_with("/api/");
    if !(head || request.method() == Method::GET) || unusual || events || uri.path().contains('%') {
        return None;
    }
    let asked = Asked {
        path: uri.path(),
        query: uri.query(),
        gzip: text::accepts_gzip(headers),
        personal: super::cors::personal(headers),
        last_event: None,
        head,
    };
    match quick(app, &asked).await? {
        Quick::Whole(answer) => {
            let mut response = answer.into_response();
            answer::dress(response.headers_mut());
            answer::open(response.headers_mut());
            Some(response)
        }
        Quick::Problem(response) => Some(response),
        Quick::Events(_) => None,
    }
}

async fn of_highlight(app: &App, id: &str, rest: &[&str]) -> Option<Result<Playlist, Problem>> {
    let highlight = match highlight::find(app, id, false) {
        Ok(highlight) => highlight,
        Err(problem) => return Some(Err(problem)),
    };
    Some(match *rest {
        ["poster.jpg"] => return None,
        [file] => highlight::every_angle(app, &highlight, file),
        [camera, file] => highlight::one_angle(app, &highlight, camera, file),
        [version, camera, rendition, file] => {
            highlight::one_rendition(app, &highlight, [version, camera, rendition, file]).await
        }
        _ => return None,
    })
}

/// As the router answers it.
fn refused(problem: Problem) -> Quick {
    let mut response = problem.into_response();
    let headers: &mut HeaderMap = response.headers_mut();
    answer::dress(headers);
    answer::open(headers);
    Quick::Problem(response)
}
