// How far a client of the FPM listener is: whether it has said anything valid yet, and whether zebra's replay, which
// has no end marker, is over. Told once a second; pure.
#pragma once

#include <cstdint>
#include <utility>

namespace frr {

class FpmTelling {
public:
    static constexpr unsigned silent_at_most = 5;  // seconds; zebra begins its replay at once
    static constexpr unsigned replay_at_most = 60;
    // The replay runs at thousands a second: two seconds with next to nothing are its end.
    static constexpr std::uint64_t calm_messages = 64;
    static constexpr unsigned calm_seconds = 2;

    enum class News : std::uint8_t { none, silent, replayed };

    FpmTelling() = default;
    explicit FpmTelling(std::uint64_t messages) : messages_{messages} {}

    void prove() {  // a valid frame
        stage_ = Stage::replays;
        seconds_ = 0;
    }
    bool is_proven() const { return stage_ != Stage::unproven; }

    // A second has gone by, and so many messages have come since the listener's start.
    News on_second(std::uint64_t messages) {
        if (stage_ == Stage::follows) return News::none;
        ++seconds_;
        if (stage_ == Stage::unproven) return seconds_ < silent_at_most ? News::none : News::silent;
        const bool calm = messages - std::exchange(messages_, messages) < calm_messages;
        calm_ = calm ? calm_ + 1 : 0;
        if (calm_ < calm_seconds && seconds_ < replay_at_most) return News::none;
        stage_ = Stage::follows;
        return News::replayed;
    }

private:
    enum class Stage : std::uint8_t { unproven, replays, follows };
    Stage stage_ = Stage::unproven;
    unsigned seconds_ = 0;  // in this stage
    unsigned calm_ = 0;     // in a row
    std::uint64_t messages_ = 0;
};

}  // namespace frr
