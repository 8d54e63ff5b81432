#include <gtest/gtest.h>

#include <string>

#include "connected_node.h"

namespace torc::testing {
namespace {

class ClientCommands : public ConnectedCommands {
  protected:
    ClientCommands() {
        other.id = 9;
        other.address = "10.0.0.1:40000";
        other.local_address = "127.0.0.1:6379";
        other.fd = 13;
        other.created_ms = world.now_ms - 65'000;
        other.last_used_ms = world.now_ms - 3'999;
        here.fake_clients.all.push_back(&other);
    }

    std::string line_of_other() {
        const std::string reply = run("CLIENT LIST ID 9");
        return reply.substr(reply.find("\r\n") + 2);
    }

    ClientState other;
};

constexpr auto kOk = "+OK\r\n";
constexpr auto kSyntax = "-ERR syntax error\r\n";

TEST_F(ClientCommands, IdAndName) {
    EXPECT_EQ(run("CLIENT ID"), ":7\r\n");
    EXPECT_EQ(run("CLIENT GETNAME"), "$-1\r\n");
    EXPECT_EQ(run("CLIENT SETNAME me"), kOk);
    EXPECT_EQ(run("CLIENT GETNAME"), "$2\r\nme\r\n");
    for (const std::string_view bad : {"a b", "a\nb", "\x7f", "caf\xc3\xa9"})
        EXPECT_EQ(run_words({"CLIENT", "SETNAME", bad}),
                  "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
    EXPECT_EQ(run_words({"CLIENT", "SETNAME", ""}), kOk);
    use_resp3();
    EXPECT_EQ(run("CLIENT GETNAME"), "_\r\n");
}

TEST_F(ClientCommands, SetinfoKnowsTwoAttributes) {
    EXPECT_EQ(run("CLIENT SETINFO LIB-NAME redis-py"), kOk);
    EXPECT_EQ(run("CLIENT SETINFO lib-ver 5.0"), kOk);
    EXPECT_EQ(client.library_name, "redis-py");
    EXPECT_EQ(client.library_version, "5.0");
    EXPECT_EQ(run("CLIENT SETINFO lib-size 5"), "-ERR Unrecognized option 'lib-size'\r\n");
    EXPECT_EQ(run("CLIENT SETINFO lib-ver \"5 0\""),
              "-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n");
    EXPECT_EQ(client.library_version, "5.0");
}

TEST_F(ClientCommands, ListHasALineForEach) {
    const std::string reply = run("CLIENT LIST");
    EXPECT_NE(reply.find("id=7 addr=127.0.0.1:5000 "), std::string::npos);
    EXPECT_NE(reply.find("\nid=9 addr=10.0.0.1:40000 "), std::string::npos);
    use_resp3();
    EXPECT_TRUE(run("CLIENT LIST").starts_with("="));
    EXPECT_NE(run("CLIENT LIST").find("\r\ntxt:id=7 "), std::string::npos);
}

TEST_F(ClientCommands, ALineHasRedisFields) {
    other.name = "them";
    other.library_name = "lib";
    other.library_version = "1";
    other.db = 3;
    other.protocol = 3;
    other.input_bytes = 26;
    other.output_bytes = 70;
    EXPECT_EQ(
        line_of_other(),
        "id=9 addr=10.0.0.1:40000 laddr=127.0.0.1:6379 fd=13 name=them age=65 idle=3 flags=N db=3 sub=0 "
        "psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=1 "
        "omem=70 tot-mem=0 events=r cmd=NULL user=default redir=-1 resp=3 lib-name=lib lib-ver=1\n\r\n");
    EXPECT_NE(run("CLIENT INFO").find("id=7 "), std::string::npos);
    EXPECT_EQ(run("CLIENT INFO").find("id=9 "), std::string::npos);
}

TEST_F(ClientCommands, FlagsAndLastCommandAreTold) {
    const CommandTable& table = CommandTable::instance();
    other.last_container = table.find("client");
    other.last_command = CommandTable::find_subcommand(*table.find("client"), "list");
    EXPECT_NE(line_of_other().find(" cmd=client|list "), std::string::npos);
    other.last_container = table.find("get");
    other.last_command = table.find("get");
    EXPECT_NE(line_of_other().find(" cmd=get "), std::string::npos);
    other.queued_commands = 2;
    other.blocked = other.monitor = other.no_evict = other.no_touch = other.close_asap = true;
    other.address = "/tmp/s:0";
    here.fake_transactions.changed = true;
    EXPECT_NE(line_of_other().find(" flags=OxbdAUeT "), std::string::npos);
    EXPECT_NE(line_of_other().find(" multi=2 "), std::string::npos);
}

TEST_F(ClientCommands, ListSelects) {
    EXPECT_EQ(run("CLIENT LIST ID 99"), "$0\r\n\r\n");
    EXPECT_LT(run("CLIENT LIST ID 9 7").find("id=9 "), run("CLIENT LIST ID 9 7").find("id=7 "));
    EXPECT_NE(run("CLIENT LIST TYPE normal").find("id=9 "), std::string::npos);
    EXPECT_EQ(run("CLIENT LIST TYPE replica"), "$0\r\n\r\n");
    EXPECT_EQ(run("CLIENT LIST TYPE SLAVE"), "$0\r\n\r\n");
    EXPECT_EQ(run("CLIENT LIST TYPE foo"), "-ERR Unknown client type 'foo'\r\n");
    EXPECT_EQ(run("CLIENT LIST ID x"), "-ERR Invalid client ID\r\n");
    EXPECT_EQ(run("CLIENT LIST ID"), kSyntax);
    EXPECT_EQ(run("CLIENT LIST TYPE"), kSyntax);
    EXPECT_EQ(run("CLIENT LIST FOO 1"), kSyntax);
}

TEST_F(ClientCommands, KillByAddressMayHitTheAsker) {
    EXPECT_EQ(run("CLIENT KILL 1.2.3.4:5"), "-ERR No such client\r\n");
    EXPECT_EQ(run_words({"CLIENT", "KILL", ""}), "-ERR No such client\r\n");
    EXPECT_EQ(run("CLIENT KILL 10.0.0.1:40000"), kOk);
    EXPECT_EQ(here.fake_clients.killed, std::vector<uint64_t>{9});
    EXPECT_FALSE(client.close_after_reply);
    EXPECT_EQ(run("CLIENT KILL 127.0.0.1:5000"), kOk);
    EXPECT_TRUE(client.close_after_reply);
}

TEST_F(ClientCommands, KillByFilterSparesTheAskerUnlessTold) {
    EXPECT_EQ(run("CLIENT KILL ID 7"), ":0\r\n");
    EXPECT_EQ(run("CLIENT KILL TYPE normal"), ":1\r\n");
    EXPECT_EQ(run("CLIENT KILL LADDR 127.0.0.1:6379 USER default"), ":1\r\n");
    EXPECT_EQ(run("CLIENT KILL ADDR 10.0.0.1:40000 ID 7"), ":0\r\n");
    EXPECT_EQ(run("CLIENT KILL TYPE pubsub"), ":0\r\n");
    EXPECT_EQ(run_words({"CLIENT", "KILL", "ADDR", ""}), ":0\r\n");
    EXPECT_FALSE(client.close_after_reply);
    EXPECT_EQ(run("CLIENT KILL TYPE normal SKIPME no"), ":2\r\n");
    EXPECT_TRUE(client.close_after_reply);
}

TEST_F(ClientCommands, KillRefusesMistakes) {
    EXPECT_EQ(run("CLIENT KILL ID x"), "-ERR client-id should be greater than 0\r\n");
    EXPECT_EQ(run("CLIENT KILL ID 0"), "-ERR client-id should be greater than 0\r\n");
    EXPECT_EQ(run("CLIENT KILL TYPE foo"), "-ERR Unknown client type 'foo'\r\n");
    EXPECT_EQ(run("CLIENT KILL USER foo"), "-ERR No such user 'foo'\r\n");
    EXPECT_EQ(run("CLIENT KILL SKIPME foo"), kSyntax);
    EXPECT_EQ(run("CLIENT KILL FOO bar"), kSyntax);
    EXPECT_EQ(run("CLIENT KILL ID 1 TYPE"), kSyntax);
    EXPECT_TRUE(here.fake_clients.killed.empty());
}

TEST_F(ClientCommands, PauseAndUnpause) {
    EXPECT_EQ(run("CLIENT PAUSE 500"), kOk);
    EXPECT_EQ(here.fake_clients.paused, Clients::Pause::all);
    EXPECT_EQ(here.fake_clients.paused_until_ms, world.now_ms + 500);
    EXPECT_EQ(run("CLIENT PAUSE 700 write"), kOk);
    EXPECT_EQ(here.fake_clients.paused, Clients::Pause::writes);
    EXPECT_EQ(run("CLIENT UNPAUSE"), kOk);
    EXPECT_EQ(here.fake_clients.paused_until_ms, 0);
    EXPECT_EQ(run("CLIENT PAUSE 0"), kOk);
    EXPECT_EQ(here.fake_clients.paused_until_ms, 0);
}

TEST_F(ClientCommands, PauseRefusesMistakes) {
    EXPECT_EQ(run("CLIENT PAUSE x"), "-ERR timeout is not an integer or out of range\r\n");
    EXPECT_EQ(run("CLIENT PAUSE -1"), "-ERR timeout is negative\r\n");
    EXPECT_EQ(run("CLIENT PAUSE 9223372036854775807"), "-ERR timeout is out of range\r\n");
    EXPECT_EQ(run("CLIENT PAUSE 1 foo"), "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
    EXPECT_EQ(run("CLIENT PAUSE 1 WRITE 3"),
              "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.\r\n");
    EXPECT_EQ(here.fake_clients.paused_until_ms, 0);
}

TEST_F(ClientCommands, UnblockEndsAWait) {
    EXPECT_EQ(run("CLIENT UNBLOCK 9"), ":0\r\n");
    other.blocked = true;
    EXPECT_EQ(run("CLIENT UNBLOCK 9"), ":1\r\n");
    EXPECT_EQ(run("CLIENT UNBLOCK 9 TIMEOUT"), ":1\r\n");
    EXPECT_EQ(run("CLIENT UNBLOCK 9 error"), ":1\r\n");
    EXPECT_EQ(here.fake_clients.unblocked.size(), 2U);
    EXPECT_EQ(here.fake_clients.unblocked_with_error.size(), 1U);
    EXPECT_EQ(run("CLIENT UNBLOCK 8"), ":0\r\n");
    EXPECT_EQ(run("CLIENT UNBLOCK x"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(run("CLIENT UNBLOCK 9 FOO"), "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
    EXPECT_EQ(run("CLIENT UNBLOCK 9 ERROR x"),
              "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n");
}

TEST_F(ClientCommands, ReplyModes) {
    EXPECT_EQ(run("CLIENT REPLY foo"), kSyntax);
    EXPECT_EQ(run("CLIENT REPLY skip"), "");
    EXPECT_EQ(client.reply_mode, ReplyMode::skip_next);
    EXPECT_EQ(run("CLIENT REPLY off"), "");
    EXPECT_EQ(client.reply_mode, ReplyMode::off);
    EXPECT_EQ(run("CLIENT REPLY skip"), "");
    EXPECT_EQ(client.reply_mode, ReplyMode::off);
    EXPECT_EQ(run("CLIENT REPLY on"), kOk);
    EXPECT_EQ(client.reply_mode, ReplyMode::on);
}

TEST_F(ClientCommands, SwitchesAreOnOrOff) {
    EXPECT_EQ(run("CLIENT NO-EVICT on"), kOk);
    EXPECT_TRUE(client.no_evict);
    EXPECT_EQ(run("CLIENT NO-EVICT OFF"), kOk);
    EXPECT_FALSE(client.no_evict);
    EXPECT_EQ(run("CLIENT NO-TOUCH ON"), kOk);
    EXPECT_TRUE(client.no_touch);
    EXPECT_EQ(run("CLIENT NO-TOUCH maybe"), kSyntax);
    EXPECT_TRUE(client.no_touch);
}

TEST_F(ClientCommands, TrackingIsOff) {
    EXPECT_EQ(run("CLIENT TRACKING off"), kOk);
    EXPECT_EQ(run("CLIENT TRACKING on BCAST PREFIX p NOLOOP"),
              "-ERR client tracking is not supported: no invalidation messages would arrive\r\n");
    EXPECT_EQ(run("CLIENT TRACKING on FOO"), kSyntax);
    EXPECT_EQ(run("CLIENT TRACKING on PREFIX"), kSyntax);
    EXPECT_EQ(run("CLIENT TRACKING maybe"), kSyntax);
    EXPECT_EQ(run("CLIENT GETREDIR"), ":-1\r\n");
    EXPECT_TRUE(run("CLIENT CACHING yes").starts_with("-ERR CLIENT CACHING can be called only when"));
    EXPECT_EQ(run("CLIENT TRACKINGINFO"),
              "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
    use_resp3();
    EXPECT_EQ(run("CLIENT TRACKINGINFO"),
              "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
}

TEST_F(ClientCommands, HelpNamesEverySubcommand) {
    const std::string help = run("CLIENT HELP");
    for (const CommandSpec& spec : CommandTable::instance().find("client")->subcommands) {
        std::string upper(spec.name);
        for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        EXPECT_NE(help.find("\r\n+" + upper), std::string::npos) << upper;
    }
}

}  // namespace
}  // namespace torc::testing
