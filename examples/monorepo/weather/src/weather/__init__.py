"""Seattle's weather: what fell, how warm it was, and how it compares with San Francisco."""
