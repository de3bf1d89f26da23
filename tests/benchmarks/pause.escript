#!/usr/bin/env escript
%% Prints how many milliseconds sys:change_code adds to the longest gap between two replies to one busy caller.
-mode(compile).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, code_change/3]).

init(Entries) -> {ok, maps:from_list([{Key, 0} || Key <- lists:seq(0, Entries - 1)])}.

handle_call({add, Key}, _From, State) ->
    case maps:get(Key, State) of
        {First, Second} -> {reply, Second + 1, State#{Key := {First, Second + 1}}};
        Number -> {reply, Number + 1, State#{Key := Number + 1}}
    end.

handle_cast(_, State) -> {noreply, State}.

code_change(_Old, State, _Extra) -> {ok, maps:map(fun(_, Number) -> {Number, Number} end, State)}.

main([Entries, Milliseconds, Times]) ->
    Time = list_to_integer(Milliseconds),
    Pauses = [pause(list_to_integer(Entries), Time) || _ <- lists:seq(1, list_to_integer(Times))],
    io:format("~.6f~n", [lists:nth((length(Pauses) + 1) div 2, lists:sort(Pauses)) / 1.0e6]).

pause(Entries, Time) ->
    {ok, Server} = gen_server:start(?MODULE, Entries, []),
    Quiet = longest_gap(Server, Time),
    spawn(fun() -> timer:sleep(Time div 2), change(Server) end),
    Swapped = longest_gap(Server, Time),
    gen_server:stop(Server),
    Swapped - Quiet.

change(Server) ->
    ok = sys:suspend(Server),
    ok = sys:change_code(Server, ?MODULE, undefined, []),
    ok = sys:resume(Server).

longest_gap(Server, Time) ->
    Now = erlang:monotonic_time(nanosecond),
    longest_gap(Server, Now + Time * 1000000, Now, 0).

longest_gap(_, Until, Last, Longest) when Last >= Until -> Longest;
longest_gap(Server, Until, Last, Longest) ->
    gen_server:call(Server, {add, 0}, infinity),
    Now = erlang:monotonic_time(nanosecond),
    longest_gap(Server, Until, Now, max(Longest, Now - Last)).
