//! Small scripts written for these tests, in the shapes that real ones have.

use proptest::prelude::*;

use super::*;

fn names(text: &str) -> Vec<(usize, String)> {
    let warps = parse(text.as_bytes()).expect("legal");
    warps.into_iter().map(|found| (found.line, found.warp.name)).collect()
}

fn problem(text: &str) -> (usize, &'static str) {
    let error = parse(text.as_bytes()).expect_err("not legal");
    (error.line, error.problem)
}

#[test]
fn a_warp_has_all_its_numbers() {
    let text = "one,10,20,0\twarp\tdoor::one_two\t1,3,two,30,40\n";
    let warps = parse(text.as_bytes()).expect("legal");
    let warp = WarpData {
        map: "one".into(),
        x: 10,
        y: 20,
        span_x: 1,
        span_y: 3,
        to_map: "two".into(),
        to_x: 30,
        to_y: 40,
        name: "door".into(),
    };
    assert_eq!(warps, [ScriptedWarp { line: 1, warp }]);
}

#[test]
fn everything_else_in_a_script_file_is_passed_over() {
    let text = "//===== comment =====\r\n\
        /* a,1,1,0\twarp\tno\t1,1,b,1,1\n   still comment */\n\
        a,1,1,0\twarp\tfirst\t1,1,b,1,1 // behind a warp\n\
        -\tscript\tthing\t-1,{\n  mes \"} not the end \\\" {\"; // nor this }\n  if (1) { end; }\n\
        a,1,1,0\twarp\tinside\t1,1,b,1,1\n}\n\
        function\tscript\tF_x\t{\n\treturn;\n}\n\
        a,0,0\tmonster\tPoring\t1002,10,5000\n\
        a\tmapflag\tnosave\n\
        a,2,2,0\twarp2\tsecond\t0,0,b,1,1\n\
        a,3,3,0\twarp(DISABLED)\tasleep\t0,0,b,1,1\n\
        a,4,4,0\tWARP2(HIDDEN)\tthird\t0,0,b,1,1";
    assert_eq!(names(text), [(4, "first".into()), (15, "second".into()), (17, "third".into())]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    assert_eq!(problem("\n\na,1,1,0\twarp\tx\t1,1,b,1\n").0, 3);
    assert_eq!(problem("a,1,1,0\twarp\tx\t1,1,too_long_a_name,1,1"), (1, "the map it leads to has no legal name"));
    assert_eq!(problem("a,x,1,0\twarp\tx\t1,1,b,1,1").1, "the cell it stands on is not two numbers");
    assert_eq!(problem("a,1,1,0\twarp\tx\t-1,1,b,1,1").1, "its spans are not two numbers");
    assert_eq!(problem("a,1,1,0\twarp\tx\t99999,1,b,1,1").1, "its spans are not two numbers");
    assert_eq!(problem("a,1,1,0 warp x 1,1,b,1,1").1, "neither a comment nor at least three columns apart by tabs");
    assert_eq!(problem("a,1,1,0\twarp\tx 1,1,b,1,1").1, "a warp needs four columns apart by tabs");
    assert_eq!(problem("\n/* no end").0, 2);
    assert_eq!(problem("\n-\tscript\tx\t-1,{ {}\n").0, 2);
    assert_eq!(problem("-\tscript\tx\t-1,{ \"}\n").1, "the script that starts here has no end");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "([a-b,0-9\\t\\n\"{}/*\\\\ ]|warp\\t|script\\t){0,60}") {
        let _ = parse(text.as_bytes());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
