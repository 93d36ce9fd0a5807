#include "frr/dataplane_problem.hpp"

#include <cerrno>
#include <system_error>

namespace frr {

namespace {

std::string fix_for(const std::string& address, int error) {
    switch (error) {
        case EACCES:
        case EPERM: return "run as root or as the user frr: bfdd's socket is writable for its owner alone";
        case ENOENT:
        case ECONNREFUSED:
            return "add `--dplaneaddr " + address + "` to bfdd_options in /etc/frr/daemons and restart FRR";
        case ECONNRESET:
        case EPIPE: return "bfdd has gone; it is tried again until it is back";
        default: return "check bfd_dataplane and the --dplaneaddr of bfdd";
    }
}

}  // namespace

std::string connect_problem(const std::string& address, int error) {
    return "bfdd at " + address + ": " + std::generic_category().message(error) + ": " + fix_for(address, error);
}

std::string lost_problem(const std::string& address, const std::string& why) {
    return "bfdd at " + address + ": " + why + ": trying again (see `systemctl status frr` if it stays away)";
}

std::string silent_problem(const std::string& address) {
    return "bfdd at " + address + " does not answer: it is busy or stopped; if it stays so, restart FRR";
}

}  // namespace frr
