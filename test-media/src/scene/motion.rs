//! How everybody moves: a team's shape that follows play, and pulls away from it.
//!
//! Each figure has a post, which depends on where play is, and a list of pulls: to the ball for a
//! touch, to press, to celebrate, to line up for the kick-off. All weights are smooth in time.

use super::script::{PAUSE, Script};
use super::{Figure, HALF_LENGTH, HALF_WIDTH, Kit, Point, Side, ease};
use crate::noise::{Rng, cell};
use std::f64::consts::TAU;

/// 4-4-2: metres ahead of the team's middle, and metres across.
const SHAPE: [(f64, f64); 10] = [
    (-18.0, -23.0),
    (-21.0, -8.0),
    (-21.0, 8.0),
    (-18.0, 23.0),
    (-1.0, -25.0),
    (-5.0, -8.0),
    (-4.0, 9.0),
    (-1.0, 25.0),
    (15.0, -7.0),
    (13.0, 8.0),
];

/// Towards a line from `a` to `b`, fully between `from` and `until`.
#[derive(Clone, Copy, Debug)]
struct Pull {
    from: f64,
    until: f64,
    /// Seconds it takes to get there, and to let go.
    lead: f64,
    lag: f64,
    a: Point,
    b: Point,
    strength: f64,
}

/// Everybody's pulls: home keeper and ten, away keeper and ten.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    pulls: Vec<Vec<Pull>>,
    seed: u64,
}

impl Crew {
    pub fn brief(script: &Script, seed: u64) -> Self {
        let mut crew = Crew { pulls: vec![Vec::new(); 22], seed };
        for touch in &script.touches {
            let Some((side, who)) = touch.owner else { continue };
            let pull = |side, who, ease_off: f64, strength| {
                // As early as it takes to get there, and back, at a run.
                let run = |t: f64, p: Point| {
                    let play = script.focus(t.rem_euclid(script.length), 3.0);
                    post(side, who, play).distance(p) / 4.5
                };
                let lead = run(touch.from - 2.0, touch.a).max(1.8);
                let lag = run(touch.until + 2.0, touch.b).max(2.2);
                let goal_side = |p: Point| Point::new(p.x - ease_off * Side::forward(side), p.y + 0.3 * ease_off);
                Pull {
                    from: touch.from,
                    until: touch.until,
                    lead,
                    lag,
                    a: goal_side(touch.a),
                    b: goal_side(touch.b),
                    strength,
                }
            };
            crew.pulls[index(side, who)].push(pull(side, who, 0.0, 1.0));
            // The nearest opponent closes in, staying on his goal's side; but everybody is
            // still far from the ball at a kick-off (law 8).
            if script.kick_offs.iter().any(|at| (0.0..3.5).contains(&(touch.from - at))) {
                continue;
            }
            let other = side.other();
            let away = |n: &usize| (post(other, *n, touch.a).distance(touch.a) * 1000.0) as u64;
            if let Some(presser) = (1..=10).min_by_key(away) {
                let press = pull(other, presser, 2.0, 0.7);
                // Not from half the pitch away.
                if press.lead < 3.0 {
                    crew.pulls[index(other, presser)].push(press);
                }
            }
        }
        let mut rng = Rng::new(seed ^ 0x5eed);
        for goal in &script.goals {
            crew.celebrate(script, goal.at, goal.side, &mut rng);
        }
        for &at in &script.kick_offs {
            crew.line_up(at);
        }
        for pulls in &mut crew.pulls {
            pulls.sort_by(|a, b| a.from.total_cmp(&b.from));
        }
        crew
    }

    fn celebrate(&mut self, script: &Script, at: f64, side: Side, rng: &mut Rng) {
        let ball = script.ball(at).at;
        let forward = side.forward();
        let corner = Point::new(forward * 43.0, 19.0 * ball.y.signum());
        let scorer = script.touches.iter().rfind(|touch| touch.until < at && touch.owner.is_some());
        let scorer = scorer.and_then(|touch| touch.owner).map_or(9, |(_, who)| who);
        for who in 1..=10 {
            let angle = rng.range(0.0, TAU);
            let ring = if who == scorer { 0.0 } else { rng.range(1.2, 3.0) };
            let place = Point::new(corner.x + ring * angle.cos(), corner.y + ring * angle.sin());
            let stand = if who == scorer { ball } else { post(side, who, ball) };
            let way = stand.distance(place);
            // Who is far away stays there.
            if way > 26.0 {
                continue;
            }
            let run = (way / 6.0).max(1.5);
            let from = at + run + if who == scorer { 0.3 } else { 1.0 };
            self.pulls[index(side, who)].push(Pull {
                from,
                until: from.max(at + 5.0),
                lead: run,
                lag: 10.0,
                a: place,
                b: place,
                strength: 1.0,
            });
        }
        // The keeper goes the right way, too late.
        let dive = Point::new(ball.x.signum() * (HALF_LENGTH - 1.0), ball.y * 0.55);
        let keeper = Pull { from: at, until: at + 0.8, lead: 0.8, lag: 2.0, a: dive, b: dive, strength: 1.0 };
        self.pulls[index(side.other(), 0)].push(keeper);
    }

    /// Everybody in their own half, out of the centre circle but for one forward of each side.
    fn line_up(&mut self, at: f64) {
        for side in [Side::Home, Side::Away] {
            for who in 1..=10 {
                let stand = post(side, who, Point::default());
                let back = stand.x * side.forward();
                let limit = if who == 9 { -1.2 } else { -10.0 };
                let place = Point::new(side.forward() * back.min(limit), if who == 9 { 1.5 } else { stand.y });
                self.pulls[index(side, who)].push(Pull {
                    from: at - 1.0,
                    until: at + 0.2,
                    lead: PAUSE - 6.0,
                    lag: 6.0,
                    a: place,
                    b: place,
                    strength: 1.0,
                });
            }
        }
    }

    /// Everybody at `t` seconds into the script: home, away, referee.
    pub fn figures(&self, script: &Script, t: f64) -> [Figure; 23] {
        const STEP: f64 = 0.1;
        let now = self.places(script, t);
        let before = self.places(script, (t - STEP).rem_euclid(script.length));
        std::array::from_fn(|i| Figure {
            kit: match i {
                0 => Kit::Keeper(Side::Home),
                11 => Kit::Keeper(Side::Away),
                22 => Kit::Referee,
                i if i < 11 => Kit::Player(Side::Home),
                _ => Kit::Player(Side::Away),
            },
            at: now[i],
            velocity: Point::new((now[i].x - before[i].x) / STEP, (now[i].y - before[i].y) / STEP),
        })
    }

    fn places(&self, script: &Script, t: f64) -> [Point; 23] {
        let play = script.focus(t, 3.0);
        std::array::from_fn(|i| {
            let sway = self.sway(i, t, script.length);
            if i == 22 {
                // On the diagonal, a little behind play.
                return Point::new(play.x * 0.85 - 5.0 + sway.x, play.y * 0.6 + 8.0 + sway.y);
            }
            let side = if i < 11 { Side::Home } else { Side::Away };
            let stand = post(side, i % 11, play);
            let sway = if i % 11 == 0 { Point::new(sway.x * 0.3, sway.y * 0.3) } else { sway };
            let mut at = Point::new(stand.x + sway.x, stand.y + sway.y);
            for pull in &self.pulls[i] {
                at = pull.apply(at, t, script.length);
            }
            at
        })
    }

    /// A slow wander of about a metre, with whole periods in the script so that its loop is smooth.
    fn sway(&self, i: usize, t: f64, length: f64) -> Point {
        let wave = |axis: i64, period: f64| {
            let phase = f64::from(cell(i as i64, axis, self.seed));
            ((t / length * (length / period).round() + phase) * TAU).sin()
        };
        Point::new(wave(0, 6.1) + 0.7 * wave(1, 13.0), wave(2, 7.3) + 0.7 * wave(3, 11.0))
    }
}

impl Pull {
    fn apply(&self, at: Point, t: f64, length: f64) -> Point {
        // Nearest in the loop: a pull may begin before the script does.
        let t = t - ((t - self.from) / length).round() * length;
        if t <= self.from - self.lead || t >= self.until + self.lag {
            return at;
        }
        let weight = ease((t - self.from + self.lead) / self.lead) * (1.0 - ease((t - self.until) / self.lag));
        let k = ((t - self.from) / (self.until - self.from)).clamp(0.0, 1.0);
        at.mix(self.a.mix(self.b, k), weight * self.strength)
    }
}

fn index(side: Side, who: usize) -> usize {
    side.index() * 11 + who
}

/// Where player `who` (0 is the keeper) of `side` stands when play is at `play`.
pub(super) fn post(side: Side, who: usize, play: Point) -> Point {
    let forward = side.forward();
    // Seen by the team: its goal is at negative depth.
    let depth = play.x * forward;
    if who == 0 {
        let out = 2.0 + 8.0 * ease((depth + 30.0) / 70.0);
        return Point::new(forward * (out - HALF_LENGTH), play.y * 0.1);
    }
    let (ahead, across) = SHAPE[(who - 1) % SHAPE.len()];
    let x = (depth * 0.66 - 7.0 + ahead).clamp(6.0 - HALF_LENGTH, HALF_LENGTH - 10.0);
    let y = (across * 0.78 + play.y * 0.38).clamp(2.0 - HALF_WIDTH, HALF_WIDTH - 2.0);
    Point::new(forward * x, y)
}
