//! The pod's figures, sent piece by piece: what one turn writes is small, however large the pod is.

use super::Control;
use super::connection::{Connection, Stage};
use super::http::{Request, Response, piecewise_head};
use crate::metrics::Figures;
use crate::metrics::text::{CONTENT_TYPE, Text};
use crate::rpc::{Asked, Ticket, Wish};
use crate::sys::Sys;

/// So many are sent at a time; each holds what it tells in memory until it is told.
const MOST: usize = 4;
/// What is written in one turn, in bytes.
const PIECE: usize = 16 * 1024;

/// Figures that are asked for, or sent.
#[derive(Debug)]
pub struct Scrape {
    /// What is to be asked for before.
    ticket: Ticket,
    /// None before that has come.
    text: Option<Text>,
    /// The answer's head, until it is sent.
    head: String,
    keep_alive: bool,
    is_chunked: bool,
    head_only: bool,
}

impl Scrape {
    /// It is this one's outcome that it waits for.
    pub fn waits_for(&self, ticket: Ticket) -> bool {
        self.ticket == ticket && self.text.is_none()
    }
}

impl<S: Sys> Control<S> {
    /// Begins to tell the figures.
    pub(super) fn scrape(&mut self, index: usize, request: &Request, asked: &mut Vec<Asked>) {
        let is_scrape = |connection: &&Connection| matches!(connection.stage, Stage::Scraping(_));
        let many = self.connections.iter().flatten().filter(is_scrape).count() >= MOST;
        let Some(connection) = self.connections[index].as_mut() else { return };
        let head_only = request.method == "HEAD";
        if many {
            return connection.respond(&Response::problem(503, "too many are asking"), request.keep_alive, head_only);
        }
        self.last_ticket += 1;
        connection.stage = Stage::Scraping(Box::new(Scrape {
            ticket: self.last_ticket,
            text: None,
            head: String::new(),
            keep_alive: request.keep_alive && !request.is_old,
            is_chunked: !request.is_old,
            head_only,
        }));
        asked.push(Asked { ticket: Some(self.last_ticket), wish: Wish::Scrape });
    }
}

impl Connection {
    /// Everything is known that is to be told.
    pub fn begin_scrape(&mut self, figures: Figures) {
        let Stage::Scraping(scrape) = &mut self.stage else { return };
        scrape.head = piecewise_head(CONTENT_TYPE, scrape.is_chunked, scrape.keep_alive);
        scrape.text = Some(Text::new(figures));
    }

    /// Goes on with the next piece, once the one before was taken. None when there was nothing to do; otherwise whether
    /// there is more.
    pub fn scrape_on(&mut self) -> Option<bool> {
        if self.is_writing() {
            return None;
        }
        let Stage::Scraping(scrape) = &mut self.stage else { return None };
        let text = scrape.text.as_mut()?;
        let mut piece = std::mem::take(&mut scrape.head);
        let head = piece.len();
        // A chunk says first how long it is; that is known later, so that zeros make room for it.
        let room = if scrape.is_chunked { "00000000\r\n" } else { "" };
        piece.push_str(room);
        let begin = piece.len();
        let more = !scrape.head_only && text.write(&mut piece, begin + PIECE);
        let length = piece.len() - begin;
        if scrape.head_only || length == 0 {
            piece.truncate(head);
        } else if scrape.is_chunked {
            piece.replace_range(head..head + 8, &format!("{length:08x}"));
            piece.push_str("\r\n");
        }
        if scrape.is_chunked && !scrape.head_only && !more {
            piece.push_str("0\r\n\r\n");
        }
        let keep_alive = scrape.keep_alive;
        self.send(piece.as_bytes());
        if !more {
            self.stage = if keep_alive { Stage::Requests } else { Stage::Closing };
        }
        Some(more)
    }
}
