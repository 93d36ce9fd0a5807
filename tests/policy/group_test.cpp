// The last usable path of a group: by example, and for any sequence of inputs.
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "policy/group.hpp"
#include "policy/measured.hpp"

using namespace measured;
using policy::Cause;
using policy::Member;
using policy::Path;
using policy::Rules;
using policy::Verdict;
using policy::VerdictState;

namespace {

const Verdict session_up{VerdictState::up, {}};
const Verdict session_down{VerdictState::down, Cause::detect_timeout};

struct World {
    explicit World(std::vector<std::string> groups, Rules all = {}) : names{std::move(groups)}, rules{all} {
        paths.resize(names.size());
        sessions.resize(names.size(), session_down);
        for (std::size_t i = 0; i < names.size(); ++i) up(i);
    }
    void up(std::size_t n) {
        if (sessions[n].state == VerdictState::up) return;
        sessions[n] = session_up;
        paths[n].on_up(at(elapsed), rules);
    }
    void down(std::size_t n) {
        if (sessions[n].state == VerdictState::up) paths[n].on_down(at(elapsed), rules, Cause::detect_timeout);
        sessions[n] = session_down;
    }
    void flap(std::size_t n, int times = 3) {
        for (int i = 0; i < times; ++i) {
            down(n);
            up(n);
        }
    }
    std::vector<Verdict> settled() {
        std::vector<Member> members;
        for (std::size_t i = 0; i < names.size(); ++i)
            members.push_back({names[i], sessions[i], &paths[i], &rules, {}});
        policy::settle(members, at(elapsed));
        std::vector<Verdict> out;
        for (const auto& member : members) out.push_back(member.verdict);
        return out;
    }
    void pass(base::Duration duration) {
        const auto end = elapsed + duration;
        for (auto& path : paths)
            while (path.deadline() <= at(end)) path.on_deadline(path.deadline());
        elapsed = end;
    }
    std::vector<std::string> names;
    Rules rules;
    std::deque<Path> paths;
    std::vector<Verdict> sessions;
    base::Duration elapsed{};
};

}  // namespace

TEST_CASE("a damped path is down while another of its group is usable, and spared when none is") {
    World world{{"paris", "paris"}};
    world.flap(0);
    auto all = world.settled();
    CHECK(all[0].state == VerdictState::down);
    CHECK(all[0].cause == Cause::damped);
    CHECK(all[1].state == VerdictState::up);
    world.down(1);
    all = world.settled();
    CHECK(all[0].state == VerdictState::degraded);
    CHECK(all[0].cause == Cause::damped);
    CHECK(all[0].cost == 110);
    CHECK(all[1].state == VerdictState::down);
    world.up(1);  // and it stays so: what carries the traffic is not taken away because another came
    all = world.settled();
    CHECK(all[0].state == VerdictState::degraded);
    CHECK(all[1].state == VerdictState::up);
}

TEST_CASE("a usable path of another group is no comfort, and neither is one that is being drained") {
    World world{{"paris", "berlin"}};
    world.flap(0);
    CHECK(world.settled()[0].state == VerdictState::degraded);
    World other{{"paris", "paris"}};
    other.flap(0);
    other.paths[1].drain.begin(at(0s));
    CHECK(other.settled()[0].state == VerdictState::degraded);
    CHECK(other.settled()[1].cause == Cause::drained);
}

TEST_CASE("a degraded path is usable: the other may be damped") {
    World world{{"paris", "paris"}};
    world.elapsed = 10s;
    world.paths[1].on_quality(at(10s), full(figures(100, 40), figures(3'000, 40)), world.rules);
    world.flap(0);
    const auto all = world.settled();
    CHECK(all[0].state == VerdictState::down);
    CHECK(all[1].state == VerdictState::degraded);
}

TEST_CASE("of two damped paths the one with the better merit is spared") {
    World world{{"paris", "paris"}};
    world.flap(0, 4);
    world.flap(1, 3);
    const auto all = world.settled();
    CHECK(all[0].state == VerdictState::down);
    CHECK(all[1].state == VerdictState::degraded);
}

TEST_CASE("a path without a group, or alone in it, is always spared") {
    World world{{"", "", "paris"}};
    for (const auto n : {0U, 1U, 2U}) world.flap(n);
    for (const auto& verdict : world.settled()) {
        CHECK(verdict.state == VerdictState::degraded);
        CHECK(verdict.cause == Cause::damped);
    }
}

TEST_CASE("up_delay: kept in a group with a usable path, and by a path alone; waived when the group has none") {
    World world{{"paris", "paris", "", "berlin"}, {.up_delay = 30s}};
    world.flap(0, 1);
    world.flap(2, 1);
    world.flap(3, 1);
    auto all = world.settled();
    CHECK(all[0].state == VerdictState::down);
    CHECK(all[1].state == VerdictState::up);
    CHECK(all[2].state == VerdictState::down);
    CHECK(all[3].state == VerdictState::up);  // the only one of its group
    world.down(1);
    all = world.settled();
    CHECK(all[0].state == VerdictState::up);
    CHECK(all[1].state == VerdictState::down);
    world.pass(30s - 1ns);
    CHECK(world.settled()[2].state == VerdictState::down);
    world.pass(1ns);
    CHECK(world.settled()[2].state == VerdictState::up);
}

TEST_CASE("no sequence of inputs makes the last usable path of a group disappear, over 1,000 seeds") {
    std::map<Cause, int> seen;
    for (std::uint32_t seed = 0; seed < 1'000; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        World world{{"a", "a", "b", "b", "b", "", "c"}, {.up_delay = 1s * (random() % 20)}};
        for (int step = 0; step < 200; ++step) {
            const auto n = random() % world.names.size();
            auto& path = world.paths[n];
            switch (random() % 9) {
                case 0: world.down(n); break;
                case 1:
                case 2: world.up(n); break;
                case 3: world.flap(n, static_cast<int>(random() % 4)); break;
                case 4:
                case 5: {
                    const auto lost = static_cast<std::uint32_t>(random() % 100);
                    const auto rtt = 1ms * (random() % 2'000);
                    path.on_quality(at(world.elapsed), full(figures(100, lost, rtt), figures(3'000, 30 * lost, rtt)),
                                    world.rules);
                    break;
                }
                case 6:
                    if (random() % 4 == 0) path.drain.is_on() ? path.drain.end() : path.drain.begin(at(world.elapsed));
                    break;
                case 7: world.pass(1ms * (random() % 20'000)); break;
                case 8:
                    path.outside.tell({.state = random() % 4 == 0 ? VerdictState::degraded : VerdictState::down,
                                       .reason = "",
                                       .until = at(world.elapsed + 1ms * (random() % 20'000))});
                    break;
            }
            const auto all = world.settled();
            CHECK(world.settled() == all);  // once settled, it stands
            std::map<std::string, bool> could, can;
            for (std::size_t i = 0; i < all.size(); ++i) {
                const bool up = world.sessions[i].state == VerdictState::up && !world.paths[i].drain.is_on();
                could[world.names[i]] |= up && !world.names[i].empty();
                can[world.names[i]] |= policy::is_usable(all[i]);
                if (world.sessions[i].state != VerdictState::up) CHECK(!policy::is_usable(all[i]));
                if (all[i].cause) ++seen[*all[i].cause];
                const bool is_asked_for = world.paths[i].up_delay.holds() || world.paths[i].outside.says_down();
                if (world.names[i].empty() && up && !is_asked_for) CHECK(policy::is_usable(all[i]));
            }
            for (const auto& [name, usable] : could)
                if (usable) CHECK(can[name]);
        }
    }
    for (const auto cause : {Cause::damped, Cause::drained, Cause::external, Cause::quality_loss, Cause::quality_rtt})
        CHECK(seen[cause] > 0);
}

namespace {

void say(World& world, std::size_t n, VerdictState state) {
    world.paths[n].outside.tell({.state = state, .reason = "HTTP 503", .until = at(world.elapsed + 30s)});
}

}  // namespace

TEST_CASE("a check outside says down: its path goes, and comes back when nobody says it again") {
    World paris{{"paris", "paris", ""}};
    say(paris, 0, VerdictState::down);
    CHECK(paris.settled()[0].state == VerdictState::down);
    CHECK(paris.settled()[0].cause == Cause::external);
    CHECK(paris.settled()[1].state == VerdictState::up);
    paris.pass(29s);
    CHECK(paris.settled()[0].state == VerdictState::down);
    paris.pass(1s);
    CHECK(paris.settled()[0].state == VerdictState::up);
    say(paris, 2, VerdictState::down);  // of no group: somebody asked for it
    CHECK(paris.settled()[2].state == VerdictState::down);
}

TEST_CASE("a check outside never takes the last usable path of a group, and a path that returns ends its comfort") {
    World paris{{"paris", "paris"}};
    paris.down(1);
    say(paris, 0, VerdictState::down);
    CHECK(paris.settled()[0].state == VerdictState::degraded);
    CHECK(paris.settled()[0].cause == Cause::external);
    CHECK(paris.settled()[0].cost == 110);
    paris.up(1);
    CHECK(paris.settled()[0].state == VerdictState::down);
    say(paris, 1, VerdictState::down);  // what fails lies behind both
    const auto both = paris.settled();
    CHECK((both[0].state == VerdictState::degraded) != (both[1].state == VerdictState::degraded));
    say(paris, 1, VerdictState::up);
    CHECK(paris.settled()[1].state == VerdictState::up);
    CHECK(paris.settled()[0].state == VerdictState::down);
}

TEST_CASE("a check outside does not take the only path of a group: it is the last one, too") {
    World paris{{"paris"}};
    say(paris, 0, VerdictState::down);
    CHECK(paris.settled()[0] == Verdict{VerdictState::degraded, Cause::external, 110});
    paris.down(0);
    CHECK(paris.settled()[0].cause == Cause::detect_timeout);
}

TEST_CASE("degraded by a check outside is usable and dear; nothing it says lifts a path that is Down") {
    World paris{{"paris", "paris"}};
    say(paris, 0, VerdictState::degraded);
    CHECK(paris.settled()[0] == Verdict{VerdictState::degraded, Cause::external, 110});
    paris.down(0);
    say(paris, 0, VerdictState::up);
    CHECK(paris.settled()[0].state == VerdictState::down);
    CHECK(paris.settled()[0].cause == Cause::detect_timeout);
}

TEST_CASE("paths that carry less than they should stay usable, all of a group too") {
    policy::Path one, two;
    const policy::Rules rules;
    for (auto* path : {&one, &two}) {
        path->on_up(base::TimePoint{std::chrono::hours{1}}, rules);
        path->on_passage(true);
    }
    const policy::Verdict up{policy::VerdictState::up, {}};
    std::vector<policy::Member> members{{"paris", up, &one, &rules, {}}, {"paris", up, &two, &rules, {}}};
    policy::settle(members, base::TimePoint{std::chrono::hours{2}});
    for (const auto& member : members) {
        CHECK(policy::is_usable(member.verdict));
        CHECK(member.verdict.cause == policy::Cause::mtu);
    }
}
