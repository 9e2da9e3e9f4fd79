//! A character between its three forms: the char-server's image, what an engine gets, and cells of the map.

use bifrost_protocol::FixedText;
use bifrost_protocol::control::{Character, Looks, Place};
use bifrost_protocol::ids::{MapName, MapPoint};
use bifrost_protocol::layout::{CharacterImage, Point};

/// What an embedded engine gets to know of a character. Place, direction and posture are the session's to fill in.
#[must_use]
pub fn for_engine(image: &CharacterImage) -> Character {
    let status = image.view();
    let look = |value: i16| u32::try_from(value).unwrap_or_default();
    Character {
        account: status.account.0,
        character: status.character.0,
        name: status.name.as_bytes().to_vec(),
        sex: u32::from(status.sex),
        class: i32::from(status.class),
        base_level: status.base_level,
        job_level: status.job_level,
        base_exp: status.base_exp,
        job_exp: status.job_exp,
        zeny: status.zeny,
        hp: status.hp,
        max_hp: status.max_hp,
        sp: status.sp,
        max_sp: status.max_sp,
        status_point: status.status_point,
        skill_point: status.skill_point,
        stats: [status.str, status.agi, status.vit, status.int, status.dex, status.luk].map(u32::from).to_vec(),
        looks: Some(Looks {
            hair: look(status.hair),
            hair_color: look(status.hair_color),
            clothes_color: look(status.clothes_color),
            body: look(status.body),
            weapon: look(status.weapon),
            shield: look(status.shield),
            head_top: look(status.head_top),
            head_mid: look(status.head_mid),
            head_bottom: look(status.head_bottom),
            robe: look(status.robe),
        }),
        at: cell(&status.last_point).as_ref().map(place),
        save_point: cell(&status.save_point).as_ref().map(place),
        sitting: false,
        direction: 0,
    }
}

/// A cell of an image, if its map name is legal.
#[must_use]
pub fn cell(point: &Point) -> Option<MapPoint> {
    Some(MapPoint { map: MapName::new(&point.map.to_text()).ok()?, x: point.x, y: point.y })
}

/// A cell for an image.
#[must_use]
pub fn image_point(at: &MapPoint) -> Point {
    Point { map: FixedText::new(at.map.as_str()), x: at.x, y: at.y }
}

/// A cell for an engine.
#[must_use]
pub fn place(at: &MapPoint) -> Place {
    Place { map: at.map.as_str().to_owned(), x: u32::from(at.x), y: u32::from(at.y) }
}

/// A cell from an engine, if it can be one.
#[must_use]
pub fn placed(place: &Place) -> Option<MapPoint> {
    let map = MapName::new(&place.map).ok()?;
    Some(MapPoint { map, x: u16::try_from(place.x).ok()?, y: u16::try_from(place.y).ok()? })
}
