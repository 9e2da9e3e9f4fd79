//! Paths on drawn maps: `#` blocks, `s` starts, `e` ends, rows from the north.

use proptest::prelude::*;

use super::*;

fn map(rows: &[&str]) -> (Cells, Spot, Spot) {
    let (mut start, mut end) = (Spot::default(), Spot::default());
    let mut ground = Vec::new();
    for (y, row) in (0..).zip(rows.iter().rev()) {
        for (x, cell) in (0..).zip(row.chars()) {
            match cell {
                's' => start = Spot::new(x, y),
                'e' => end = Spot::new(x, y),
                _ => {}
            }
            ground.push(u8::from(cell == '#'));
        }
    }
    let cells = Cells::new(rows[0].len() as u16, rows.len() as u16, ground).expect("legal");
    (cells, start, end)
}

fn steps(rows: &[&str]) -> Option<Vec<u8>> {
    let (cells, start, end) = map(rows);
    walk(&cells, start, end).map(|steps| steps.into_iter().map(Direction::number).collect())
}

#[test]
fn an_open_way_is_straight() {
    assert_eq!(steps(&["s...e"]), Some(vec![6, 6, 6, 6]));
    assert_eq!(steps(&["...e", "....", "....", "s..."]), Some(vec![7, 7, 7]));
    assert_eq!(steps(&["s"]), Some(vec![]), "the end is the start");
}

#[test]
fn corners_are_walked_around_not_cut() {
    assert_eq!(steps(&["..e", ".#.", "s.."]).map(|steps| steps.len()), Some(4));
    assert_eq!(steps(&["#e", "s#"]), None);
}

#[test]
fn a_wall_without_a_gate_cannot_be_passed() {
    assert_eq!(steps(&["..#..", "s.#.e", "..#.."]), None);
    assert_eq!(steps(&["s.#e#"]), None);
}

#[test]
fn a_walk_has_seventeen_steps_and_fourteen_around_obstacles() {
    let row = |length: usize| format!("s{}e{}", ".".repeat(length - 1), ".".repeat(30 - length));
    assert_eq!(steps(&[&row(17)]).map(|steps| steps.len()), Some(17));
    assert_eq!(steps(&[&row(18)]), None);
    let around = |length: usize| {
        let free = ".".repeat(31);
        let mut blocked = row(length).into_bytes();
        blocked[5] = b'#';
        steps(&[&free, &String::from_utf8(blocked).expect("ascii"), &free]).map(|steps| steps.len())
    };
    assert_eq!(around(14), Some(14));
    assert_eq!(around(15), None);
}

fn random_map() -> impl Strategy<Value = (Cells, Spot, Spot)> {
    (1_u16..40, 1_u16..40).prop_flat_map(|(width, height)| {
        let cells = prop::collection::vec(prop::bool::weighted(0.25), usize::from(width) * usize::from(height));
        (cells, 0..width, 0..height, 0..width, 0..height).prop_map(move |(blocked, x, y, to_x, to_y)| {
            let ground = blocked.into_iter().map(u8::from).collect();
            (Cells::new(width, height, ground).expect("legal"), Spot::new(x, y), Spot::new(to_x, to_y))
        })
    })
}

proptest! {
    #[test]
    fn every_step_of_a_path_is_walkable_and_cuts_no_corner((cells, from, to) in random_map()) {
        if let Some(steps) = walk(&cells, from, to) {
            prop_assert!(steps.len() <= MAX_STEPS);
            let mut at = from;
            for direction in steps {
                let next = at.step(direction).expect("inside");
                prop_assert!(cells.walkable(next));
                prop_assert!(cells.walkable(Spot::new(next.x, at.y)) || !direction.is_diagonal());
                prop_assert!(cells.walkable(Spot::new(at.x, next.y)) || !direction.is_diagonal());
                at = next;
            }
            prop_assert_eq!(at, to);
        }
    }

    #[test]
    fn a_clear_line_is_the_same_both_ways((cells, from, to) in random_map()) {
        if from.x != to.x {
            prop_assert_eq!(is_clear(&cells, from, to), is_clear(&cells, to, from));
        }
    }

    #[test]
    fn on_open_ground_the_path_is_as_long_as_the_distance(from in (0_u16..30, 0_u16..30), to in (0_u16..30, 0_u16..30)) {
        let cells = Cells::new(30, 30, vec![0; 900]).expect("legal");
        let (from, to) = (Spot::new(from.0, from.1), Spot::new(to.0, to.1));
        let steps = search(&cells, from, to).map(|steps| steps.len());
        if from.distance(to) < 15 {
            prop_assert_eq!(steps, Some(usize::from(from.distance(to))));
        }
    }
}
