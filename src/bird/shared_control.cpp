#include "bird/shared_control.hpp"

#include <utility>

namespace bird {

SharedControl::SharedControl(boost::asio::io_context& context, std::string path)
    : context_{context}, path_{std::move(path)}, turn_{context, [this] { greet_newcomers(); }} {}

void SharedControl::join(Control::Handlers handlers) {
    users_.push_back(std::move(handlers));
    if (control_) return turn_.expire_after({});
    control_ =
        std::make_unique<Control>(context_, path_,
                                  Control::Handlers{.ready = [this](const Version& version) { on_ready(version); },
                                                    .lost = [this](const ControlError& error) { on_lost(error); }});
}

void SharedControl::command(std::string text, Control::Answer answer) {
    if (held_)
        waiting_.push_back({std::move(text), std::move(answer)});
    else
        control_->command(std::move(text), std::move(answer));
}

void SharedControl::hold(std::function<void(const ControlError*)> granted) {
    if (std::exchange(held_, true)) return holders_.push_back(std::move(granted));
    granted(nullptr);
}

void SharedControl::command_in_hold(std::string text, Control::Answer answer) {
    control_->command(std::move(text), std::move(answer));
}

void SharedControl::release() {
    if (!holders_.empty()) {
        const auto next = std::move(holders_.front());
        holders_.pop_front();
        return next(nullptr);
    }
    held_ = false;
    for (auto& [text, answer] : std::exchange(waiting_, {})) control_->command(std::move(text), std::move(answer));
}

bool SharedControl::is_ready() const { return control_ && control_->is_ready(); }

void SharedControl::on_ready(const Version& version) {
    version_ = version;
    error_.reset();
    told_ = 0;
    greet_newcomers();
}

void SharedControl::on_lost(const ControlError& error) {
    held_ = false;
    for (const auto& holder : std::exchange(holders_, {})) holder(&error);
    for (auto& asked : std::exchange(waiting_, {})) asked.answer(tl::unexpected{error});
    version_.reset();
    error_ = error;
    told_ = 0;
    greet_newcomers();
}

// A handler may bring another user.
void SharedControl::greet_newcomers() {
    while (told_ < users_.size()) {
        const auto user = users_[told_++];
        if (version_ && user.ready) user.ready(*version_);
        if (error_ && user.lost) user.lost(*error_);
        if (!version_ && !error_) told_ = users_.size();  // the first attempt is on its way
    }
}

}  // namespace bird
