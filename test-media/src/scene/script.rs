//! The script: every touch of the ball in one match, written once from the seed.

use super::motion::post;
use super::{Ball, Goal, HALF_LENGTH, Point, Side};
use crate::noise::Rng;

/// Goals in one match.
const ATTACKS: usize = 12;
/// Seconds from a goal to the next kick-off.
pub(super) const PAUSE: f64 = 16.0;

/// A stretch of time in which the ball is with somebody (or nobody, in the net), moving from
/// `a` to `b`; from `until` it flies to the next touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    pub from: f64,
    pub until: f64,
    pub a: Point,
    pub b: Point,
    /// Side and shirt index (1 to 10) of who has it.
    pub owner: Option<(Side, usize)>,
    /// Metres above the ground at `a`.
    pub height: f64,
    /// Metres of arc on the way to the next touch.
    pub loft: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Seconds until it begins again.
    pub length: f64,
    /// In order of time; the first begins at or after 0.
    pub touches: Vec<Touch>,
    pub goals: Vec<Goal>,
    pub kick_offs: Vec<f64>,
}

impl Script {
    pub fn write(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let sides: Vec<_> = (0..ATTACKS).map(|_| if rng.chance(0.55) { Side::Home } else { Side::Away }).collect();
        let mut script = Script { length: 0.0, touches: Vec::new(), goals: Vec::new(), kick_offs: Vec::new() };
        let mut start = 0.0;
        let mut score = [0, 0];
        for (i, &scorer) in sides.iter().enumerate() {
            // Who conceded last kicks off.
            let first = sides[(i + ATTACKS - 1) % ATTACKS].other();
            let lasts = rng.range(14.5, 28.5);
            let at = start + lasts;
            script.kick_offs.push(start);
            script.attack(&mut rng, first, scorer, start, lasts);
            score[scorer.index()] += 1;
            script.goals.push(Goal { at, side: scorer, score });
            start = at + PAUSE;
        }
        script.length = start;
        script
    }

    /// From the kick-off at `start` by `first` to the goal of `scorer`, and the ball's way back.
    fn attack(&mut self, rng: &mut Rng, first: Side, scorer: Side, start: f64, lasts: f64) {
        // The dice decide how long it takes, the script when the goal is: of some throws, the one
        // that has to be hurried or held up least.
        let (pace, touches, shot) = (0..12)
            .map(|_| {
                let (touches, shot) = play(rng, first, scorer, lasts);
                (lasts / shot.from, touches, shot)
            })
            .min_by(|a, b| a.0.ln().abs().total_cmp(&b.0.ln().abs()))
            .expect("there are twelve throws");
        let net = Touch { from: lasts, until: lasts + 4.0, ..shot };
        self.touches.extend(touches.iter().chain([&net]).map(|touch| Touch {
            from: start + touch.from * if touch.owner.is_some() { pace } else { 1.0 },
            until: start + touch.until * if touch.owner.is_some() { pace } else { 1.0 },
            ..*touch
        }));
        // Rolled back to the centre spot, where it waits for the next kick-off.
        let spot = start + lasts + PAUSE;
        self.touches.push(Touch {
            from: spot - 2.5,
            until: spot,
            a: Point::default(),
            b: Point::default(),
            owner: None,
            height: 0.0,
            loft: 0.0,
        });
    }

    /// The ball at `t` seconds into the script, `0 <= t < length`.
    pub fn ball(&self, t: f64) -> Ball {
        let i = self.touches.partition_point(|touch| touch.from <= t).saturating_sub(1);
        let touch = &self.touches[i];
        if t < touch.until {
            let k = (t - touch.from) / (touch.until - touch.from);
            // In the net it drops to the ground and stays.
            let height = touch.height * (1.0 - 3.0 * k).max(0.0);
            return Ball { at: touch.a.mix(touch.b, k), height };
        }
        let (next, from) = match self.touches.get(i + 1) {
            Some(next) => (next, next.from),
            None => (&self.touches[0], self.length),
        };
        if from <= touch.until {
            return Ball { at: next.a, height: next.height };
        }
        let k = (t - touch.until) / (from - touch.until);
        let height = next.height * k + touch.loft * 4.0 * k * (1.0 - k);
        // A pass is quicker when it leaves the foot.
        Ball { at: touch.b.mix(next.a, k * (1.25 - 0.25 * k)), height }
    }

    /// The ball's place averaged over `spread` seconds before and after `t`.
    pub fn focus(&self, t: f64, spread: f64) -> Point {
        const TAPS: i32 = 7;
        let mut sum = Point::default();
        let mut weight = 0.0;
        for tap in -TAPS..=TAPS {
            let k = f64::from(tap) / f64::from(TAPS + 1);
            let w = 1.0 + (k * std::f64::consts::PI).cos();
            let within = (t + k * spread).rem_euclid(self.length);
            let at = self.ball(within).at;
            sum = Point::new(sum.x + at.x * w, sum.y + at.y * w);
            weight += w;
        }
        Point::new(sum.x / weight, sum.y / weight)
    }
}

/// The touches of one attack, of about `lasts` seconds, and the ball's arrival in the net.
fn play(rng: &mut Rng, first: Side, scorer: Side, lasts: f64) -> (Vec<Touch>, Touch) {
    let mut touches = vec![Touch {
        from: 0.0,
        until: 0.7,
        a: Point::default(),
        b: Point::new(-0.6 * first.forward(), 0.0),
        owner: Some((first, 9)),
        height: 0.0,
        loft: 0.0,
    }];
    let mut side = first;
    let turnover = if first == scorer { f64::INFINITY } else { rng.range(0.2, 0.5) };
    loop {
        let last = touches[touches.len() - 1];
        let progress = last.until / (lasts - 3.5);
        if progress >= 1.0 && side == scorer {
            break;
        }
        if side == first && progress > turnover {
            side = scorer;
        }
        let next = pass(rng, &mut touches, side, (side == scorer).then_some(progress));
        touches.push(next);
    }
    let shot = finish(rng, &mut touches, scorer);
    (touches, shot)
}

/// A pass from the last of `touches` to a player of `side`, who runs with the ball a little.
/// `progress` is how near the end a winning attack is.
fn pass(rng: &mut Rng, touches: &mut [Touch], side: Side, progress: Option<f64>) -> Touch {
    let last = touches.len() - 1;
    let from = touches[last];
    let near: &[usize] = match progress {
        Some(p) if p > 0.75 && last > 0 => &[5, 8, 9, 10],
        Some(p) if p > 0.4 && last > 0 => &[5, 6, 7, 8, 9, 10],
        // From the kick-off it goes back first: the others are still lined up.
        _ if last == 0 => &[6, 7],
        _ => &[1, 2, 3, 4, 6, 7, 5, 8],
    };
    let mut who = rng.pick(near);
    if from.owner == Some((side, who)) {
        who = near[(near.iter().position(|&n| n == who).unwrap_or(0) + 1) % near.len()];
    }
    let forward = side.forward();
    // The ball pulls the whole team along: aim where the receiver will be, not where they are.
    let drawn = match progress {
        Some(p) => Point::new(forward * (-12.0 + 52.0 * p.min(1.0)), from.b.y),
        None => from.b,
    };
    let stand = post(side, who, from.b.mix(drawn, 0.7));
    let a = inside(Point::new(stand.x + forward * rng.range(-1.0, 4.0), stand.y + rng.range(-4.0, 4.0)));
    let hold = rng.range(0.7, 1.9);
    let run = rng.range(2.0, 5.0) * hold;
    let angle = rng.range(-0.9, 0.9);
    let b = inside(Point::new(a.x + forward * run * angle.cos(), a.y + run * angle.sin()));
    let way = from.b.distance(a);
    touches[last].loft = if way > 24.0 { 0.13 * way } else { 0.2 };
    let at = from.until + (way / rng.range(14.0, 19.0)).max(0.35);
    Touch { from: at, until: at + hold, a, b, owner: Some((side, who)), height: 0.0, loft: 0.0 }
}

/// The last pass and the shot: adds the shooter's touch and returns the one in the net.
fn finish(rng: &mut Rng, touches: &mut Vec<Touch>, scorer: Side) -> Touch {
    let forward = scorer.forward();
    let mut shooter = pass(rng, touches, scorer, Some(1.0));
    if !matches!(shooter.owner, Some((_, 9 | 10))) {
        let who = if touches[touches.len() - 1].owner == Some((scorer, 9)) { 10 } else { 9 };
        shooter.owner = Some((scorer, who));
    }
    let side = if shooter.a.y < 0.0 { -1.0 } else { 1.0 };
    shooter.a = Point::new(forward * rng.range(33.0, 38.0), side * rng.range(2.0, 12.0));
    shooter.b = Point::new(shooter.a.x + forward * rng.range(2.0, 4.0), shooter.a.y * 0.85);
    shooter.until = shooter.from + 1.0;
    shooter.loft = rng.range(0.0, 0.5);
    let net = Point::new(forward * (HALF_LENGTH + 1.4), rng.range(1.2, 3.1) * if rng.chance(0.5) { 1.0 } else { -1.0 });
    let way = shooter.b.distance(net);
    let at = shooter.until + way / 26.0;
    touches.push(shooter);
    Touch {
        from: at,
        until: at,
        a: net,
        b: Point::new(net.x - forward * 0.3, net.y),
        owner: None,
        height: rng.range(0.3, 1.9),
        loft: 0.0,
    }
}

fn inside(p: Point) -> Point {
    Point::new(p.x.clamp(-47.0, 47.0), p.y.clamp(-31.0, 31.0))
}
