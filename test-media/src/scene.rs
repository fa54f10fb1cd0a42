//! The match itself: who stands where at any instant of media time.
//!
//! [`Scene`] is a pure function of its seed and of media time. A script of touches of the ball is
//! written once, a little under eight minutes long with a goal every 30 to 45 s, and then played
//! in a loop: each loop is a new match from 0-0.
//!
//! The pitch lies in metres round the centre spot: `x` along its length, `y` across, height up.
//! Seen from the main stand, `x` grows to the right and `y` away. Home plays towards `+x`.

mod motion;
mod script;

use motion::Crew;
use script::Script;

/// Half the length of the pitch, in metres.
pub const HALF_LENGTH: f64 = 52.5;
/// Half the width of the pitch, in metres.
pub const HALF_WIDTH: f64 = 34.0;
/// The seed of the match that cameras and sound show unless told otherwise.
pub const SEED: u64 = 1872;

/// Seconds beyond which time stands still, far enough to keep a millisecond in an `f64`.
const FOREVER: f64 = 1e12;

/// A place on the pitch, in metres from the centre spot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Along the pitch; home attacks towards positive `x`.
    pub x: f64,
    /// Across the pitch, growing away from the main stand.
    pub y: f64,
}

impl Point {
    pub(crate) const fn new(x: f64, y: f64) -> Self {
        Point { x, y }
    }

    pub(crate) fn mix(self, to: Point, k: f64) -> Point {
        Point::new(self.x + (to.x - self.x) * k, self.y + (to.y - self.y) * k)
    }

    pub(crate) fn distance(self, to: Point) -> f64 {
        (self.x - to.x).hypot(self.y - to.y)
    }
}

/// One of the two teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// DOM, attacking towards `+x`.
    Home,
    /// EXT, attacking towards `-x`.
    Away,
}

impl Side {
    /// The other team.
    pub fn other(self) -> Side {
        match self {
            Side::Home => Side::Away,
            Side::Away => Side::Home,
        }
    }

    /// The sign of `x` in the direction the team attacks.
    pub(crate) fn forward(self) -> f64 {
        match self {
            Side::Home => 1.0,
            Side::Away => -1.0,
        }
    }

    /// 0 for home, 1 for away.
    pub fn index(self) -> usize {
        match self {
            Side::Home => 0,
            Side::Away => 1,
        }
    }
}

/// What a figure on the pitch wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kit {
    /// Outfield player.
    Player(Side),
    /// Goalkeeper.
    Keeper(Side),
    /// Referee.
    Referee,
}

/// Somebody on the pitch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What they wear.
    pub kit: Kit,
    /// Where they stand.
    pub at: Point,
    /// Where they are going, in metres per second.
    pub velocity: Point,
}

/// The ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// The point of the ground below it.
    pub at: Point,
    /// Metres above the ground.
    pub height: f64,
}

/// One instant of the match.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Eleven of home (the keeper first), eleven of away, the referee.
    pub figures: [Figure; 23],
    /// The ball.
    pub ball: Ball,
    /// Goals of home and away.
    pub score: [u32; 2],
    /// Seconds of this match.
    pub clock: f64,
}

/// A goal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Media time at which the ball is in the net, in seconds.
    pub at: f64,
    /// Who scored.
    pub side: Side,
    /// Goals of home and away, this one included.
    pub score: [u32; 2],
}

/// A match that can be asked about any instant.
#[derive(Clone, Debug)]
pub struct Scene {
    script: Script,
    crew: Crew,
}

impl Scene {
    /// The match of that seed.
    pub fn new(seed: u64) -> Self {
        let script = Script::write(seed);
        let crew = Crew::brief(&script, seed);
        Scene { script, crew }
    }

    /// Everything at media time `t` seconds. Times that are not finite count as 0.
    pub fn state(&self, t: f64) -> State {
        let (_, t) = self.place(t);
        let scored = self.script.goals.iter().take_while(|goal| goal.at <= t).last();
        State {
            figures: self.crew.figures(&self.script, t),
            ball: self.script.ball(t),
            score: scored.map_or([0, 0], |goal| goal.score),
            clock: t,
        }
    }

    /// Where play is around media time `t`, smoothed over some seconds: what a camera follows.
    pub fn focus(&self, t: f64) -> Point {
        self.script.focus(self.place(t).1, 3.5)
    }

    /// The goals with `t0 <= at < t1`, in order.
    pub fn goals_between(&self, t0: f64, t1: f64) -> impl Iterator<Item = Goal> + '_ {
        let (first, _) = self.place(t0);
        let (t0, t1) = (sane(t0), sane(t1));
        (first..)
            .flat_map(move |round| {
                let start = round as f64 * self.script.length;
                self.script.goals.iter().map(move |goal| Goal { at: start + goal.at, ..*goal })
            })
            .skip_while(move |goal| goal.at < t0)
            .take_while(move |goal| goal.at < t1)
    }

    /// How loud the crowd should be at media time `t`, 0 to 1.
    ///
    /// Swells as an attack nears its end, is 1 at a goal, and is back after about 6 s.
    pub fn excitement(&self, t: f64) -> f64 {
        let (_, t) = self.place(t);
        let length = self.script.length;
        let goals = self.script.goals.iter().map(|goal| {
            let since = (t - goal.at + length / 2.0).rem_euclid(length) - length / 2.0;
            match since {
                s if s < -4.0 => 0.0,
                s if s < 0.0 => 0.55 * ease((s + 4.0) / 4.0),
                s if s < 0.4 => 0.55 + 0.45 * ease(s / 0.4),
                s if s < 6.4 => (1.0 - ease((s - 0.4) / 6.0)).powf(0.8),
                _ => 0.0,
            }
        });
        let danger = 0.25 * ease((self.script.focus(t, 2.0).x.abs() - 18.0) / 22.0);
        goals.fold(danger, f64::max)
    }

    /// Seconds since the last kick-off, or 0 right at it.
    pub fn since_kick_off(&self, t: f64) -> f64 {
        let (_, t) = self.place(t);
        let last = self.script.kick_offs.iter().rev().find(|&&at| at <= t);
        last.map_or(0.0, |at| t - at)
    }

    /// Which loop of the script `t` is in, and how far into it.
    fn place(&self, t: f64) -> (i64, f64) {
        let t = sane(t);
        let length = self.script.length;
        // `rem_euclid` may round up to `length` itself.
        let within = t.rem_euclid(length);
        ((t / length).floor() as i64, if within < length { within } else { 0.0 })
    }
}

fn sane(t: f64) -> f64 {
    if t.is_nan() { 0.0 } else { t.clamp(-FOREVER, FOREVER) }
}

/// 0 before 0, 1 after 1, smooth between.
pub(crate) fn ease(k: f64) -> f64 {
    let k = k.clamp(0.0, 1.0);
    k * k * (3.0 - 2.0 * k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn goals_come_every_30_to_45_seconds() {
        for seed in 0..20 {
            let scene = Scene::new(seed);
            let goals: Vec<_> = scene.goals_between(0.0, 3600.0).collect();
            assert!(goals.len() > 80, "{}", goals.len());
            for pair in goals.windows(2) {
                let gap = pair[1].at - pair[0].at;
                assert!((30.0..=45.0).contains(&gap), "seed {seed}: {gap}");
            }
            for goal in &goals {
                let (before, after) = (scene.state(goal.at - 0.01), scene.state(goal.at + 0.01));
                assert_eq!(after.score, goal.score);
                assert_eq!(after.score[goal.side.index()], before.score[goal.side.index()] + 1);
                assert!(after.ball.at.x * goal.side.forward() > HALF_LENGTH, "in the net");
                assert!(after.ball.at.y.abs() < 3.66 && after.ball.height < 2.44);
                assert!(scene.excitement(goal.at + 0.4) > 0.99);
                assert!(scene.excitement(goal.at + 8.0) < 0.4);
                assert!(scene.excitement(goal.at - 1.0) > 0.35);
            }
        }
    }

    #[test]
    fn nobody_jumps() {
        let scene = Scene::new(SEED);
        let length = scene.script.length;
        for i in 0..(2.0 * length / 0.04) as usize {
            let t = i as f64 * 0.04;
            let (now, next) = (scene.state(t), scene.state(t + 0.04));
            for (who, (a, b)) in now.figures.iter().zip(&next.figures).enumerate() {
                let speed = a.at.distance(b.at) / 0.04;
                assert!(speed < 14.0, "figure {who} at {t:.2} s: {speed:.1} m/s");
                assert!(a.at.x.abs() < 55.0 && a.at.y.abs() < 36.0, "figure {who} at {t:.2} s: {:?}", a.at);
            }
            let speed = now.ball.at.distance(next.ball.at) / 0.04;
            assert!(speed < 45.0, "ball at {t:.2} s: {speed:.1} m/s");
        }
    }

    #[test]
    fn somebody_has_the_ball_most_of_the_time() {
        let scene = Scene::new(SEED);
        let close = (0..4000).filter(|i| {
            let state = scene.state(f64::from(*i) * 0.1);
            state.figures.iter().any(|f| f.at.distance(state.ball.at) < 1.5)
        });
        assert!(close.count() > 1600);
    }

    proptest! {
        #[test]
        fn state_is_a_function_of_time(t in -1e6f64..1e9) {
            let scene = Scene::new(SEED);
            let (a, b) = (scene.state(t), Scene::new(SEED).state(t));
            prop_assert_eq!(&a, &b);
            prop_assert!((0.0..=1.0).contains(&scene.excitement(t)));
            prop_assert!(a.clock >= 0.0 && a.clock < scene.script.length);
        }

        #[test]
        fn goals_between_splits_anywhere(a in 0.0f64..2000.0, b in 0.0f64..2000.0, c in 0.0f64..2000.0) {
            let scene = Scene::new(SEED);
            let mut cuts = [a, b, c];
            cuts.sort_by(f64::total_cmp);
            let whole: Vec<_> = scene.goals_between(cuts[0], cuts[2]).collect();
            let parts: Vec<_> = scene.goals_between(cuts[0], cuts[1]).chain(scene.goals_between(cuts[1], cuts[2])).collect();
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn any_time_is_safe(t: f64) {
            let scene = Scene::new(SEED);
            scene.state(t);
            scene.focus(t);
            scene.since_kick_off(t);
            prop_assert!((0.0..=1.0).contains(&scene.excitement(t)));
            scene.goals_between(t, t).count();
        }
    }
}
