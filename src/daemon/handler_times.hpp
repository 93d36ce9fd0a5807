// How long the handlers of the control thread take, in processor time: one that is long keeps events waiting.
#pragma once

#include <cstdint>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"

namespace wgbfd {

class HandlerTimes {
public:
    static constexpr base::Duration long_from = std::chrono::milliseconds{1};

    void run(boost::asio::io_context& context);  // as its run()

    std::uint64_t count() const { return count_; }
    std::uint64_t long_ones() const { return long_ones_; }
    base::Duration longest() const { return longest_; }

private:
    std::uint64_t count_ = 0, long_ones_ = 0;
    base::Duration longest_{};
};

}  // namespace wgbfd
