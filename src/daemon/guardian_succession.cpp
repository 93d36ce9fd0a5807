// Between two workers: the next one is started beside the one that runs, and takes over when it is prepared.
#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "daemon/guardian.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr auto prepared_within = 10s;  // another program may be slow to load
constexpr auto yields_within = 2s;

}  // namespace

// The program as it stands on disk now, so that an upgrade takes effect; until it is ready the former one is the one
// to fall back to.
void Guardian::begin_restart() {
    if (stopping_) return refuse("wgbfd is stopping");
    if (succession_) return;  // one is under way
    restart_wanted_ = !worker_.ready;
    if (restart_wanted_) return;
    base::UniqueFd program{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!program) return refuse("cannot open " + path_.string() + ": " + std::strerror(errno));
    try {
        auto next = start_worker(program, start_, restarts_ + 1, AtRest::yes);
        succession_.emplace(Succession{.next = std::move(next),
                                       .program = std::move(program),
                                       .problem = {},
                                       .until = Clock::now() + prepared_within});
    } catch (const std::system_error& error) {
        refuse(error.what());
    }
}

void Guardian::refuse(const std::string& why) const {
    log_.write(Level::error, "restart problem=\"" + why + "\"");
    say(worker_.channel.get(), Word::refused, why);
}

void Guardian::on_word_of_next(Message& message) {
    if (message.word == Word::failed) succession_->problem = message.text;
    if (message.word != Word::prepared || succession_->yielding) return;
    succession_->yielding = true;
    succession_->until = Clock::now() + yields_within;
    worker_.told_to_yield = true;
    say(worker_.channel.get(), Word::yield);
}

void Guardian::on_succession_late() {
    if (succession_->yielding) {  // the worker hangs: it is replaced as if it had died
        log_.write(Level::error, "worker_hangs action=kill");
        end(worker_);
        return succeed();
    }
    call_off("the new worker does not get prepared within " + std::to_string(prepared_within.count()) + " s");
}

void Guardian::call_off(const std::string& why) {
    end(succession_->next);
    succession_.reset();
    refuse(why);
    pass_reload();
}

void Guardian::succeed() {
    worker_ = std::move(succession_->next);  // the former one ends by itself
    candidate_ = std::move(succession_->program);
    succession_.reset();
    ++restarts_;
    worker_.started = Clock::now();
    failing_since_ = Clock::now();
    set_priority(worker_, 0);
    give(worker_, kept_);
}

void Guardian::on_death_of_next(int status) {
    succession_->next.pid = -1;
    const auto why = succession_->problem;
    const bool fatal = succession_->yielding && !worker_.runs();
    call_off(!why.empty() ? why : "the new worker ended with status " + std::to_string(status_of(status)));
    if (fatal) start();
}

}  // namespace wgbfd
