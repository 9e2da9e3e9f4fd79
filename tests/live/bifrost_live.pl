# What a player of `./test live` does beyond hunting, as an OpenKore plugin: it asks for the time often, so that a silence
# can be told from a quiet spot, and it visits the maps of its tour in turn. In the city it sells and buys.
package BifrostLive;

use strict;
use warnings;

use Time::HiRes qw(time);

use AI;
use Commands;
use Globals qw($char $field $messageSender $net %config);
use Log qw(message);
use Network;
use Plugins;

# map:seconds map:seconds ...; one stop: the player stays there.
my @tour = map { my ($map, $seconds) = split /:/; { map => $map, seconds => $seconds } }
    split ' ', $ENV{BIFROST_LIVE_TOUR} // '';
my $city = $ENV{BIFROST_LIVE_CITY} // '';
my $pause = ($ENV{BIFROST_LIVE_ASK_MS} // 200) / 1000;

# Seconds that business in the city may take beyond the stay.
use constant PATIENCE => 60;

my ($asked, $stop, $arrived, $errand) = (0, 0, undef, 0);

Plugins::register('bifrostLive', 'yardstick and tours of ./test live', \&unload);
my $hooks = Plugins::addHooks(['mainLoop_post', \&turn]);

sub unload { Plugins::delHooks($hooks) }

sub turn {
    return unless $net && $char && $field && $net->getState() == Network::IN_GAME;
    my $now = time;
    if ($now - $asked >= $pause) {
        $asked = $now;
        $messageSender->sendSync();
    }
    travel($now) if @tour > 1;
}

sub travel {
    my ($now) = @_;
    my $here = $tour[$stop];
    $config{lockMap} = $here->{map};
    if ($field->baseName ne $here->{map}) {
        $arrived = undef;
        return;
    }
    unless (defined $arrived) {
        ($arrived, $errand) = ($now, 0);
        message "live: arrived on $here->{map}\n";
    }
    my $stayed = $now - $arrived;
    my $busy = $here->{map} eq $city && errand($stayed);
    return if $stayed < $here->{seconds} || ($busy && $stayed < $here->{seconds} + PATIENCE);
    $stop = ($stop + 1) % @tour;
    message "live: on to $tour[$stop]{map}\n";
    AI::clear(qw(move route mapRoute));
}

# Sells, then buys. Whether there is more to do.
sub errand {
    my ($stayed) = @_;
    return 1 if $stayed < 1 || AI::inQueue('sellAuto') || AI::inQueue('buyAuto');
    my $next = ('autosell', 'autobuy')[$errand++] or return 0;
    Commands::run($next);
    return 1;
}

1;
