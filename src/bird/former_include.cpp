#include "bird/former_include.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "bird/include_feed.hpp"

namespace bird {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration first_retry = 2s, longest_retry = 30s;

}  // namespace

FormerInclude::FormerInclude(boost::asio::io_context& context, io::UndoLog& undo, SharedControl& control,
                             KeptDisabled& kept, std::string file)
    : undo_{undo},
      control_{control},
      file_{std::move(file)},
      store_{file_},
      reconfiguration_{control, kept, store_},
      again_{context, [this] { settle(); }} {
    control_.join(
        {.ready = [this](const Version&) { settle(); }, .lost = [this](const ControlError& error) { on_lost(error); }});
    settle();
}

// The file first: a BIRD that starts meanwhile reads it.
void FormerInclude::settle() {
    if (ended_ || looking_ || reconfiguration_.is_running()) return;
    const auto stands = store_.read();
    if (!stands) return store_.problem().empty() ? end() : try_later(store_.problem());
    rest_ = put_at_rest(*stands);
    written_ = store_.write(rest_, true);
    if (!written_) return try_later(store_.problem());
    if (!control_.is_ready()) return;
    looking_ = true;
    control_.command(std::string{"eval "} + content_name, [this](const auto& answer) { on_content(answer); });
}

void FormerInclude::on_content(const base::Result<Reply, ControlError>& answer) {
    looking_ = false;
    if (!answer || ended_) return;  // on_lost() follows
    const auto active = content_in(*answer);
    if (!active || active == content_of(rest_)) return end();
    // What it runs may be of the file that is configured: to read all again is harmless.
    reconfiguration_.run({rest_}, rest_, [this](Outcome outcome, const std::string& text, const Defines&) {
        on_outcome(outcome, text);
    });
}

void FormerInclude::on_outcome(Outcome outcome, const std::string& text) {
    if (outcome == Outcome::taken) return end();
    if (outcome == Outcome::lost || outcome == Outcome::no_answer) return;
    try_later(explain(outcome, text, control_.path()));
}

// A BIRD that does not run starts with the file.
void FormerInclude::on_lost(const ControlError& error) {
    looking_ = false;
    if (ended_) return;
    if (error.failure == ControlFailure::not_running && written_) return end();
    try_later(error.text);
}

void FormerInclude::try_later(std::string problem) {
    problem_ = std::move(problem);
    retry_ = std::clamp(retry_ * 2, first_retry, longest_retry);
    again_.expire_after(retry_);
}

void FormerInclude::end() {
    if (ended_) return;
    try {
        undo_.forget(include_feed, include_subject(control_.path(), file_));
    } catch (const std::system_error& error) {
        return try_later(std::string{"an undo record stays: "} + error.what());
    }
    ended_ = true;
    problem_.clear();
    again_.cancel();
}

FormerIncludes::Bird& FormerIncludes::bird_at(const std::string& path) {
    const auto known = std::ranges::find_if(birds_, [&](const auto& bird) { return bird->control.path() == path; });
    if (known != birds_.end()) return **known;
    return *birds_.emplace_back(std::make_unique<Bird>(context_, undo_, path));
}

void FormerIncludes::adopt(const std::optional<std::string>& include) {
    for (const auto& record : undo_.records(disabled_feed))
        if (const auto known = parse_disabled(record); known && known->control != control_.path())
            static_cast<void>(bird_at(known->control));
    for (const auto& record : undo_.records(include_feed)) {
        const auto subject = parse_include_subject(record.subject);
        if (!subject || (subject->control == control_.path() && subject->file == include)) continue;
        const bool elsewhere = subject->control != control_.path();
        auto& control = elsewhere ? bird_at(subject->control).control : control_;
        auto& kept = elsewhere ? bird_at(subject->control).kept : kept_;
        files_.push_back(std::make_unique<FormerInclude>(context_, undo_, control, kept, subject->file));
    }
}

void FormerIncludes::yield(const std::string& include) {
    for (auto& file : files_)
        if (file->file() == include) file->give_up();
}

std::vector<std::string> FormerIncludes::problems() const {
    std::vector<std::string> out;
    for (const auto& file : files_)
        if (!file->problem().empty()) out.push_back(file->problem());
    return out;
}

}  // namespace bird
