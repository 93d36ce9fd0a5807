// An eventfd: one thread rings it, another waits for it to be readable.
#pragma once

#include "base/unique_fd.hpp"

namespace net {

class Bell {
public:
    Bell();  // throws std::system_error
    void ring() const;
    void acknowledge() const;  // it is readable again when it rings next
    int fd() const { return fd_.get(); }

private:
    base::UniqueFd fd_;
};

}  // namespace net
