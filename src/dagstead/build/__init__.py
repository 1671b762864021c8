"""Build plans and building: how each code location becomes something that an agent can run.

``cli`` and ``client`` call it; it stands on ``repository``. It starts programs (uv,
docker, git, the target Python) and never speaks to a control plane.

Two doors: :func:`dagstead.build.planning.make_plan` decides, and starts nothing but git;
:func:`dagstead.build.session.build` does what the plan says.

>>> plan = make_plan(read_project(Path(".")), PlanOptions())
>>> built = build(plan, BuildOptions(output=..., cache=..., environment=os.environ), print)
>>> documents = [each.document(plan.commit) for each in built]
"""
