// One path in virtual time: a sender, a reflector and the way between them, with the truth of what it did to packets.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <random>

#include "quality/sender.hpp"
#include "quality/window.hpp"

namespace quality_test {

using namespace std::chrono_literals;
using base::TimePoint;

struct Truth {
    std::uint32_t sent = 0, reached = 0, returned = 0;
    double forward() const { return 1 - static_cast<double>(reached) / sent; }
    double backward() const { return 1 - static_cast<double>(returned) / reached; }
    double round_trip() const { return 1 - static_cast<double>(returned) / sent; }
};

class Path {
public:
    explicit Path(std::uint32_t seed, base::Duration every = 100ms)
        : interval{every}, sender{every, true}, random{seed} {}

    void run(int probes) {
        for (int i = 0; i < probes; ++i) {
            deliver(now);
            decide();
            probe();
            now += interval;
        }
    }
    void settle() {  // everything under way comes to its end
        now += 10s;
        deliver(now);
        decide();
    }
    void decide() {
        quality::Results results;
        bool more = true;
        while (more) {
            more = sender.decide(now, gap_end, results);
            window.add(now, results);
            total.probes += results.probes;
            total.answers += results.answers;
            total.forward_sent += results.forward_sent;
            total.forward_lost += results.forward_lost;
            total.backward_sent += results.backward_sent;
            total.backward_lost += results.backward_lost;
            results = {};
        }
    }

    base::Duration interval;
    quality::Sender sender;
    quality::Window window{TimePoint{1h}};
    struct {
        std::uint32_t probes = 0, answers = 0, forward_sent = 0, forward_lost = 0, backward_sent = 0, backward_lost = 0;
    } total;
    Truth truth;
    TimePoint now{1h};
    TimePoint gap_end{};
    bool stateless = false;
    std::uint32_t reflected = 0;
    std::mt19937 random;
    // Of the way there and back: lost? how long? how many copies?
    std::function<bool()> lost_there = [] { return false; }, lost_back = [] { return false; };
    std::function<base::Duration()> there = [] { return 10ms; }, back = [] { return 10ms; };
    std::function<int()> copies_there = [] { return 1; }, copies_back = [] { return 1; };

    std::function<bool()> loses(double ratio) {
        return [this, ratio] { return std::bernoulli_distribution{ratio}(random); };
    }

private:
    struct Arrival {
        std::uint32_t sequence = 0, cookie = 0;
        TimePoint sent{};
        std::optional<quality::Answer> answer{};
    };
    void probe() {
        const auto sequence = sender.next_sequence();
        const auto cookie = static_cast<std::uint32_t>(random());
        sender.on_sent(now, cookie);
        ++truth.sent;
        if (lost_there()) return;
        ++truth.reached;
        for (int i = copies_there(); i > 0; --i) wire.emplace(now + there(), Arrival{sequence, cookie, now});
    }
    void deliver(TimePoint until) {
        while (!wire.empty() && wire.begin()->first <= until) {
            const auto [at, arrival] = *wire.begin();
            wire.erase(wire.begin());
            if (arrival.answer) {
                auto answer = *arrival.answer;
                answer.arrival = at;
                if (sender.on_answer(answer) == quality::Taken::fresh) ++truth.returned;
                continue;
            }
            const auto number = stateless ? arrival.sequence : reflected++;
            if (lost_back()) continue;
            const quality::Answer answer{.sequence = arrival.sequence,
                                         .cookie = arrival.cookie,
                                         .residence = 0ns,
                                         .number = number,
                                         .outward = at - arrival.sent - 5h};  // its clock is elsewhere
            for (int i = copies_back(); i > 0; --i)
                wire.emplace(at + back(), Arrival{arrival.sequence, arrival.cookie, arrival.sent, answer});
        }
    }
    std::multimap<TimePoint, Arrival> wire;
};

}  // namespace quality_test
