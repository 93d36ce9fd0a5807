// Has BIRD take a new file of constants: the file is written, BIRD checks its whole configuration with it, and only
// then reads it. When the check fails the file is put back as it was, and a second check says whose fault it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bird/include_store.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/protocols.hpp"
#include "bird/shared_control.hpp"

namespace bird {

enum class Outcome : std::uint8_t {
    taken,           // `text` is empty
    not_written,     // the file could not be, or what is disabled could not be recorded
    on_trial,        // somebody's `configure timeout` runs: a `configure` of ours would end his way back
    refused,         // BIRD refuses what we wrote, and takes what stood there before
    refused_before,  // it refuses that too: its own configuration has a mistake
    denied,          // the control socket is restricted
    lost,            // the connection ended
    no_answer,       // ... because BIRD did not answer in time
};

class Reconfiguration {
public:
    using Done = std::function<void(Outcome, std::string text, const Defines& taken)>;

    Reconfiguration(SharedControl& control, KeptDisabled& kept, IncludeStore& store)
        : control_{control}, kept_{kept}, store_{store} {}

    // One at a time. The first of `candidates` that passes is taken; if none does, `before` is the file again.
    void run(std::vector<Defines> candidates, Defines before, Done done);
    bool is_running() const { return static_cast<bool>(done_); }

private:
    using Answered = base::Result<Reply, ControlError>;

    void try_next();
    void hold();
    void on_status(const Answered& answer);
    void on_checked(const Answered& answer);
    void on_protocols(const Answered& answer);
    void ask_next_message();
    void configure();
    void end_configure();
    void refused(const Reply& reply);
    void lost(const ControlError& error);
    void finish(Outcome outcome, std::string text = {});

    SharedControl& control_;
    KeptDisabled& kept_;
    IncludeStore& store_;
    std::vector<Defines> candidates_;
    std::size_t at_ = 0;
    Defines before_;
    std::vector<Protocol> disabled_;
    std::size_t asked_ = 0;  // so many of them have told their message
    std::optional<Reply> configured_;
    Done done_;
};

// "" where it is taken, or the connection ended.
std::string explain(Outcome outcome, const std::string& text, const std::string& control);

// What BIRD runs of ours, in the reply to `eval`; none: it reads no file of ours.
std::optional<std::uint32_t> content_in(const Reply& reply);

}  // namespace bird
