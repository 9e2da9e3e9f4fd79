//! OpenKore players: accounts, characters, folders, processes.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::ground::{Actor, SAVE_POINT, group_of};
use super::mariadb::Database;
use super::rathena::copy;
use crate::harness::Process;

/// What a player does beyond what OpenKore does by itself.
const PLUGIN: &str = include_str!("../../live/bifrost_live.pl");

/// How often a player asks for the time, in milliseconds: the yardstick of silence. Real clients do every 10 s or more.
const ASK_MS: u32 = 200;

/// A strong knight far from its next level, so that experience only grows, with a few things to sell.
const LOOKS: &str = "class=7, base_level=80, job_level=40, base_exp=1000, job_exp=1000, zeny=5000, max_hp=8000, hp=8000, \
                     max_sp=100, sp=100, str=90, agi=70, vit=70, `int`=10, dex=60, luk=10";

/// Apples and a knife, at the start.
const GOODS: [(u32, u32); 2] = [(512, 10), (1201, 1)];

/// Settings that differ from OpenKore's own, besides those of the account.
const SETTINGS: [(&str, &str); 10] = [
    ("attackAuto", "2"),
    ("route_randomWalk", "1"),
    ("itemsTakeAuto", "2"),
    ("teleportAuto_hp", "0"),
    ("teleportAuto_deadly", "0"),
    ("portalRecord", "0"),
    ("sellAuto", "1"),
    ("sellAuto_npc", "prontera 104 49"),
    ("dcOnServerShutDown", "0"),
    ("poseidonServer", ""),
];

/// Apples are bought where the loot is sold: at the fruit stall inside the south gate.
const BUY: &str = "\nbuyAuto 512 {\n\tnpc prontera 104 49\n\tdistance 5\n\tmaxAmount 10\n}\n";

/// Ways that are no warps, and what OpenKore has worked out about all of them.
const OTHER_WAYS: [&str; 5] =
    ["portals_airship.txt", "portals_commands.txt", "portals_spawns.txt", "teleport_items.txt", "portalsLOS.txt"];

/// Makes the accounts and characters.
///
/// # Errors
/// The database does not take them.
pub(super) async fn enrol(sql: &Database, actors: &[Actor]) -> Result<()> {
    let (save_map, save_x, save_y) = SAVE_POINT;
    for actor in actors {
        let Actor { account, character, user, name, home, .. } = actor;
        let (x, y) = home.cell;
        add_account(sql, *account, user, Actor::password()).await?;
        sql.rows(&format!(
            "insert into `char` set char_id={character}, account_id={account}, char_num=0, name='{name}', {LOOKS}, \
             last_map='{}', last_x={x}, last_y={y}, save_map='{save_map}', save_x={save_x}, save_y={save_y}, sex='M'",
            home.map
        ))
        .await?;
        for (item, amount) in GOODS {
            let columns = "char_id, nameid, amount, identify";
            sql.rows(&format!("insert into inventory ({columns}) values ({character}, {item}, {amount}, 1)")).await?;
        }
    }
    Ok(())
}

/// Makes a game account.
///
/// # Errors
/// The database does not take it.
pub(super) async fn add_account(sql: &Database, id: u32, user: &str, password: &str) -> Result<()> {
    let columns = "account_id, userid, user_pass, sex, email";
    sql.rows(&format!("insert into login ({columns}) values ({id}, '{user}', '{password}', 'M', 'a@a.com')"))
        .await
        .map(drop)
}

/// Starts a player in a folder of its own.
///
/// # Errors
/// The folder cannot be laid out or Perl cannot be started.
pub(super) fn start(folder: &Path, openkore: &Path, actor: &Actor, login: SocketAddr) -> Result<Process> {
    let home = folder.join(&actor.user);
    lay_out(&home, openkore, actor, login)?;
    // OpenKore ends when its input does, so it gets one that nobody ever closes.
    let script = "rm -f input; mkfifo input; exec perl \"$@\" <>input";
    let mut arguments = vec!["-c".to_owned(), script.to_owned(), "sh".to_owned()];
    arguments.extend(words(&home, openkore));
    Process::start(&actor.user, "/bin/sh".as_ref(), arguments, environment(actor), &home)
}

/// What Perl is told: the program and its folders.
fn words(home: &Path, openkore: &Path) -> Vec<String> {
    let folders = [
        ("control", home.join("control").display().to_string()),
        ("tables", format!("{}:{}", home.join("tables").display(), openkore.join("tables").display())),
        ("fields", openkore.join("fields").display().to_string()),
        ("plugins", home.join("plugins").display().to_string()),
        ("logs", home.join("logs").display().to_string()),
    ];
    let mut words = vec![openkore.join("openkore.pl").display().to_string()];
    words.extend(folders.map(|(name, path)| format!("--{name}={path}")));
    words.push("--interface=Console".to_owned());
    words
}

/// What our plugin is told.
fn environment(actor: &Actor) -> [(String, String); 3] {
    let tour: Vec<String> = actor.tour.iter().map(|(map, seconds)| format!("{map}:{seconds}")).collect();
    [
        ("BIFROST_LIVE_TOUR".to_owned(), tour.join(" ")),
        ("BIFROST_LIVE_CITY".to_owned(), SAVE_POINT.0.to_owned()),
        ("BIFROST_LIVE_ASK_MS".to_owned(), ASK_MS.to_string()),
    ]
}

/// The name of the program that [`lay_out_game`] makes.
pub(super) const GAME: &str = "ragnarok";

/// Lays out a game's folder whose program is OpenKore, told where to go as a patched client is: by the routes in its
/// environment. Returns the folder, and where the program writes.
///
/// # Errors
/// The folder cannot be laid out.
pub(super) fn lay_out_game(
    folder: &Path,
    openkore: &Path,
    actor: &Actor,
    login: SocketAddr,
) -> Result<(PathBuf, PathBuf)> {
    let home = folder.join(&actor.user);
    lay_out(&home, openkore, actor, login)?;
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let exports: Vec<String> =
        environment(actor).iter().map(|(name, value)| format!("export {name}={}", quoted(value))).collect();
    let words: Vec<String> = words(&home, openkore).iter().map(|word| quoted(word)).collect();
    let script = format!(
        "#!/bin/sh\nway=$(printf %s \"$BIFROST_P2P_ROUTES\" | tr ';' '\\n' | sed -n 's/^[^=]*:{port}=//p')\n\
         sed -i \"s/^ip .*/ip ${{way%:*}}/; s/^port .*/port ${{way#*:}}/\" tables/servers.txt\n{exports}\n\
         rm -f input; mkfifo input\nexec perl {words} <>input >>game.log 2>&1\n",
        port = login.port(),
        exports = exports.join("\n"),
        words = words.join(" ")
    );
    let program = home.join(GAME);
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let log = home.join("game.log");
    Ok((home, log))
}

fn lay_out(home: &Path, openkore: &Path, actor: &Actor, login: SocketAddr) -> Result<()> {
    let control = home.join("control");
    copy(&openkore.join("control"), &control)?;
    for name in ["tables", "plugins", "logs"] {
        fs::create_dir_all(home.join(name))?;
    }
    fs::write(home.join("plugins/bifrost_live.pl"), PLUGIN)?;
    fs::write(home.join("tables/servers.txt"), servers(login))?;
    // OpenKore knows the whole world, and works out distances in it for minutes; here is no more than this.
    let world = openkore.join("tables/portals.txt");
    let world = fs::read_to_string(&world).with_context(|| format!("reading {}", world.display()))?;
    fs::write(home.join("tables/portals.txt"), ways(&world))?;
    for other in OTHER_WAYS {
        fs::write(home.join("tables").join(other), "")?;
    }
    let config = control.join("config.txt");
    let text = fs::read_to_string(&config).with_context(|| format!("reading {}", config.display()))?;
    let account = [
        ("master", "Live"),
        ("server", "0"),
        ("username", &actor.user),
        ("password", Actor::password()),
        ("char", "0"),
        ("lockMap", actor.home.map),
    ];
    let settings: Vec<(&str, &str)> = account.into_iter().chain(SETTINGS).collect();
    fs::write(config, configured(&text, &settings) + BUY)?;
    // Everything that is not worn is sold.
    fs::write(control.join("items_control.txt"), "all 0 0 1\n")?;
    load_only_ours(&control.join("sys.txt"))
}

/// With `private 0`, OpenKore goes to the address that the server names.
fn servers(login: SocketAddr) -> String {
    format!(
        "[Live]\nip {}\nport {}\nmaster_version 1\nversion 55\nserverType kRO_RagexeRE_2021_11_03\nserverEncoding Western\n\
         charBlockSize 175\naddTableFolders kRO/Ragexe_2021_11_03;kRO\nprivate 0\npinCode 0\n",
        login.ip(),
        login.port()
    )
}

/// The warps of OpenKore's `portals.txt` between the fields and the city, without those that are talked to.
fn ways(world: &str) -> String {
    let ours = |map: &str| map == SAVE_POINT.0 || group_of(map).is_some();
    let leads = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words.as_slice(), [from, _, _, to, _, _] if ours(from) && ours(to))
    };
    world.lines().filter(leads).map(|line| line.to_owned() + "\n").collect()
}

/// OpenKore's `key value` lines with some values replaced.
fn configured(text: &str, settings: &[(&str, &str)]) -> String {
    let line = |line: &str| {
        let key = line.split_whitespace().next().unwrap_or_default();
        let set = settings.iter().find(|(name, _)| *name == key && !line.starts_with(char::is_whitespace));
        set.map_or_else(|| line.to_owned(), |(name, value)| format!("{name} {value}"))
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

/// Our plugin and no other.
fn load_only_ours(sys: &Path) -> Result<()> {
    let text = fs::read_to_string(sys).with_context(|| format!("reading {}", sys.display()))?;
    Ok(fs::write(sys, configured(&text, &[("loadPlugins", "2"), ("loadPlugins_list", "bifrost_live")]))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_know_the_warps_between_fields_and_city() {
        let world = "prt_fild08 170 378 prontera 156 22\nprt_fild08 55 21 moc_fild01 56 380\n\
                     prt_fild05 270 212 prt_sewb1 135 248 0 c r0\nprontera 42 67 prt_in 47 29\n";
        assert_eq!(ways(world), "prt_fild08 170 378 prontera 156 22\n");
    }

    #[test]
    fn settings_replace_whole_keys_outside_of_blocks() {
        let text = "lockMap\nlockMap_x 3\n# lockMap\nblock {\n\tlockMap a\n}\n";
        let set = configured(text, &[("lockMap", "prt_fild08")]);
        assert_eq!(set, "lockMap prt_fild08\nlockMap_x 3\n# lockMap\nblock {\n\tlockMap a\n}\n");
    }
}
