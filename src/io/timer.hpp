// One timer on the control thread's io_context. A cancelled, re-armed or destroyed timer never fires late: Asio may
// have queued its completion already, which is dropped here.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"

namespace io {

class Timer {
public:
    Timer(boost::asio::io_context& context, std::function<void()> on_expiry);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    void expire_after(base::Duration delay);  // replaces what was armed; zero: in a turn of its own
    void cancel();
    bool is_armed() const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with completions Asio still holds when the timer dies, as in FdWatch
};

}  // namespace io
