//! What is written on tiles.

use std::convert::Infallible;

use embedded_graphics::{
    Drawable, Pixel,
    draw_target::DrawTarget,
    geometry::{OriginDimensions, Point, Size},
    mono_font::{
        MonoFont, MonoTextStyle, iso_8859_1, iso_8859_2, iso_8859_5, iso_8859_7, iso_8859_9, iso_8859_10, iso_8859_13,
        iso_8859_16,
    },
    pixelcolor::BinaryColor,
    text::{Baseline, Text},
};

/// The three sizes of each alphabet: western, central European, Turkish, Nordic, Baltic, Romanian, Greek, Cyrillic.
const ALPHABETS: [[&MonoFont<'_>; 3]; 8] = [
    [&iso_8859_1::FONT_6X10, &iso_8859_1::FONT_7X13, &iso_8859_1::FONT_10X20],
    [&iso_8859_2::FONT_6X10, &iso_8859_2::FONT_7X13, &iso_8859_2::FONT_10X20],
    [&iso_8859_9::FONT_6X10, &iso_8859_9::FONT_7X13, &iso_8859_9::FONT_10X20],
    [&iso_8859_10::FONT_6X10, &iso_8859_10::FONT_7X13, &iso_8859_10::FONT_10X20],
    [&iso_8859_13::FONT_6X10, &iso_8859_13::FONT_7X13, &iso_8859_13::FONT_10X20],
    [&iso_8859_16::FONT_6X10, &iso_8859_16::FONT_7X13, &iso_8859_16::FONT_10X20],
    [&iso_8859_7::FONT_6X10, &iso_8859_7::FONT_7X13, &iso_8859_7::FONT_10X20],
    [&iso_8859_5::FONT_6X10, &iso_8859_5::FONT_7X13, &iso_8859_5::FONT_10X20],
];

/// A line of text in a box with a margin: which of its pixels are ink. Width and height are even, so that chroma has whole
/// pixels.
pub(super) struct Label {
    pub width: usize,
    pub height: usize,
    pub ink: Vec<bool>,
    /// Pixels of a pixel of the font.
    scale: usize,
}

impl Label {
    /// As large as suits a tile of this size, and no wider. Should no alphabet have all of `text`, it is `otherwise`.
    pub fn new(text: &str, otherwise: &str, tile_width: usize, tile_height: usize) -> Self {
        let size = match tile_height {
            0..100 => 0,
            100..150 => 1,
            _ => 2,
        };
        let scale = (tile_height / 270).max(1);
        let fonts = ALPHABETS.map(|sizes| sizes[size]);
        let has = |font: &MonoFont<'_>, c: char| {
            let index = |c| font.glyph_mapping.index(c);
            c == '?' || index(c) != index('?')
        };
        let all = |text: &str| fonts.into_iter().find(|font| text.chars().all(|c| has(font, c)));
        let (font, text) = match all(text) {
            Some(font) => (font, text),
            None => (fonts[0], otherwise),
        };
        let (advance, line) = (font.character_size.width as usize, font.character_size.height as usize);
        let most = (tile_width / scale).saturating_sub(2 * advance) / advance;
        let text: String = text.chars().take(most).collect();
        let width = ((text.chars().count() + 1) * advance * scale).next_multiple_of(2).min(tile_width);
        let height = ((line + 2) * scale).next_multiple_of(2).min(tile_height);
        let mut label = Self { width, height, ink: vec![false; width * height], scale };
        let at = Point::new(i32::try_from(advance / 2).unwrap_or(0), 1);
        let style = MonoTextStyle::new(font, BinaryColor::On);
        let Ok(_) = Text::with_baseline(&text, at, style, Baseline::Top).draw(&mut label);
        label
    }
}

impl OriginDimensions for Label {
    fn size(&self) -> Size {
        let pixels = |length: usize| u32::try_from(length / self.scale).unwrap_or(0);
        Size::new(pixels(self.width), pixels(self.height))
    }
}

impl DrawTarget for Label {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else { continue };
            let (left, top) = (x * self.scale, y * self.scale);
            if left + self.scale > self.width || top + self.scale > self.height {
                continue;
            }
            for row in top..top + self.scale {
                self.ink[row * self.width + left..][..self.scale].fill(colour.is_on());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(text: &str) -> usize {
        Label::new(text, "id", 320, 180).ink.iter().filter(|ink| **ink).count()
    }

    #[test]
    fn names_of_every_alphabet_are_written_and_others_by_their_id() {
        for name in ["Tribune d'honneur", "Süd", "Žižkov", "Κεντρική", "Западная", "Şükrü Saracoğlu"]
        {
            assert_ne!(ink(name), ink("id"), "{name}");
        }
        assert_eq!(ink("正面スタンド"), ink("id"));
    }

    #[test]
    fn a_label_is_even_and_no_wider_than_its_tile() {
        for (width, height) in [(80, 44), (158, 88), (318, 178), (638, 358), (958, 538)] {
            for text in ["", "1", "a name that is much too long for any tile, whoever it was that gave it"] {
                let label = Label::new(text, "id", width, height);
                assert!(label.width <= width && label.height <= height && label.height > 0, "{width} {text}");
                assert_eq!((label.width % 2, label.height % 2, label.ink.len()), (0, 0, label.width * label.height));
            }
        }
    }
}
