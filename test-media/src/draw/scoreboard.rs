//! The caption below the strip: teams, score, clock, and which camera this is.

use super::canvas::{Frame, Ink, Matrix};
use super::{figure, font};
use crate::scene::{Goal, Side, State};
use crate::strip;

/// Names of home and away.
pub(super) const TEAMS: [&str; 2] = ["DOM", "EXT"];

pub(super) struct Scoreboard {
    name: &'static str,
    /// Pixels per dot of the font.
    dot: usize,
    left: usize,
    top: usize,
    paper: Ink,
    night: Ink,
    white: Ink,
    dark: Ink,
    teams: [Ink; 2],
}

impl Scoreboard {
    pub fn new(name: &'static str, matrix: &Matrix, width: usize, height: usize) -> Self {
        Scoreboard {
            name,
            dot: (height.min(width * 9 / 16) / 170).max(1),
            left: width / 32 / 2 * 2,
            top: (strip::rows(height) + height / 36) / 2 * 2,
            paper: matrix.ink([0.95, 0.95, 0.96]),
            night: matrix.ink([0.05, 0.07, 0.13]),
            white: matrix.ink([1.0, 1.0, 1.0]),
            dark: matrix.ink([0.08, 0.09, 0.14]),
            teams: [matrix.ink(figure::HOME), matrix.ink(figure::AWAY)],
        }
    }

    /// Draws the caption; for some seconds after a goal, `scored` takes the camera's place in it.
    pub fn draw(&self, frame: &mut Frame, state: &State, scored: Option<Goal>) {
        let mut x = self.left;
        for side in [Side::Home, Side::Away] {
            let team = side.index();
            let chip = 2 * self.dot;
            frame.rectangle(x, self.top, chip, self.tall(), self.teams[team], 1.0);
            x = self.box_of(frame, x + chip, TEAMS[team], self.night, self.white);
            x = self.box_of(frame, x, &state.score[team].to_string(), self.paper, self.dark);
        }
        let seconds = state.clock as u64;
        let clock = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        x = self.box_of(frame, x, &clock, self.night, self.white);
        match scored {
            Some(goal) => self.box_of(frame, x + 2 * self.dot, "GOAL!", self.teams[goal.side.index()], self.white),
            None => self.box_of(frame, x + 2 * self.dot, self.name, self.dark, self.paper),
        };
    }

    /// One box with text; returns its right edge.
    fn box_of(&self, frame: &mut Frame, x: usize, text: &str, paper: Ink, ink: Ink) -> usize {
        let margin = 3 * self.dot;
        let width = (text.len() * font::ADVANCE - 1) * self.dot + 2 * margin;
        let width = width.next_multiple_of(2);
        frame.rectangle(x, self.top, width, self.tall(), paper, 0.92);
        for column in 0..text.len() * font::ADVANCE {
            for row in 0..font::HEIGHT {
                if font::inked(text, column, row) {
                    let (left, top) = (x + margin + column * self.dot, self.top + (2 + row) * self.dot);
                    frame.rectangle(left, top, self.dot, self.dot, ink, 1.0);
                }
            }
        }
        x + width
    }

    fn tall(&self) -> usize {
        (font::HEIGHT + 4) * self.dot
    }
}
