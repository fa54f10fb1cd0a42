//! The store on real files.

mod disk;
mod expire;
mod folder;
mod kill;
mod live;
mod recording;
mod tools;
mod x264;
