// Which life of a daemon its unix socket belongs to. Every start makes the socket anew, so that this tells a daemon
// that was restarted from one that was only slow, also to a process that comes after us.
#pragma once

#include <string>

namespace io {

std::string socket_life(const std::string& path);  // one word; "" where there is no such file

}  // namespace io
